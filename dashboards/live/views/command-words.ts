import type { CommandReply, CommandResult } from '../../../bridge/live/protocol.ts'
import type { Answer } from '../data/api.ts'
import { clockSeconds } from '../words/format.ts'

const RESULTS: Readonly<Record<CommandResult, string>> = {
  delivered: 'Delivered to who listens there',
  offline: 'Nobody listens on this topic now. A sleeping device gets it when it wakes',
  timeout: 'Sent, but not taken within 5 s',
}

/** What became of a command, in a sentence. */
export function commandWords(reply: Answer<CommandReply>): string {
  if (!reply.ok) return `Not sent: ${reply.reason}`
  const { result, answer } = reply.value
  if (!answer) return `${RESULTS[result]}, ${clockSeconds(Date.now())}.`
  const { topic, payload = 'bytes' } = answer
  const words = payload.length > MAX_ANSWER ? `${payload.slice(0, MAX_ANSWER)}…` : payload
  return `The device answered ${words} on ${topic}, ${clockSeconds(answer.time)}.`
}

/** Characters of an answer that a person reads in passing. */
const MAX_ANSWER = 200
