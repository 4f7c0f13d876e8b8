/** An address as a code for a phone's camera: black on white in both themes, with a quiet zone of two modules. */

import { useEffect, useState } from 'preact/hooks'

const QUIET_MODULES = 2

export function QrCode({ text }: { text: string }) {
  const [rows, setRows] = useState<readonly (readonly boolean[])[]>([])
  useEffect(() => {
    let isWanted = true
    void import('uqr').then(({ encode }) => {
      if (isWanted) setRows(encode(text, { border: QUIET_MODULES, ecc: 'M' }).data)
    })
    return () => {
      isWanted = false
    }
  }, [text])
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${rows.length || 1} ${rows.length || 1}`}
      role="img"
      aria-label={`Code of ${text}`}
      shape-rendering="crispEdges"
    >
      <path d={pathOf(rows)} fill="#000" />
    </svg>
  )
}

/** One rectangle for each run of black in a row. */
function pathOf(rows: readonly (readonly boolean[])[]): string {
  let path = ''
  for (const [y, row] of rows.entries()) {
    for (let x = 0; x < row.length; x++) {
      let width = 0
      while (row[x + width]) width++
      if (width > 0) path += `M${x} ${y}h${width}v1h-${width}z`
      x += width
    }
  }
  return path
}
