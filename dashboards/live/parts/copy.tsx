/** A line to take along. Where the clipboard is out of reach (plain http off localhost), it selects the text instead. */

import { useRef, useState } from 'preact/hooks'
import { CheckIcon, CopyIcon } from './icons.tsx'

export function CopyLine({ text, name }: { text: string; name: string }) {
  const code = useRef<HTMLElement>(null)
  const [answer, setAnswer] = useState('')
  const copy = async () => {
    const done = await writeClipboard(text, code.current)
    setAnswer(done ? 'Copied' : 'Selected')
    setTimeout(() => setAnswer(''), 2000)
  }
  return (
    <div class="copy-line">
      <code ref={code}>{text}</code>
      <button type="button" class="button small" aria-label={`Copy ${name}`} onClick={() => void copy()}>
        {answer === '' ? <CopyIcon /> : <CheckIcon />}
        <span aria-live="polite">{answer || 'Copy'}</span>
      </button>
    </div>
  )
}

async function writeClipboard(text: string, element: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    if (element) getSelection()?.selectAllChildren(element)
    return false
  }
}
