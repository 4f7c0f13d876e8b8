import type { Answer, CommandResult } from '../data/api.ts'
import { clockSeconds } from '../words/format.ts'

const RESULTS: Readonly<Record<CommandResult, string>> = {
  delivered: 'Delivered to who listens there',
  offline: 'Nobody listens on this topic now. A sleeping device gets it when it wakes',
  timeout: 'Sent, but not taken within 5 s',
}

/** What became of a command, in a sentence. */
export function commandWords(answer: Answer<CommandResult>): string {
  if (!answer.ok) return `Not sent: ${answer.reason}`
  return `${RESULTS[answer.value]}, ${clockSeconds(Date.now())}.`
}
