/**
 * Commands to devices that speak MQTT 5 are requests: they name the topic to answer on, and carry data by which the
 * answer is told from others. Devices of older protocols see neither.
 *
 * The topic is one below that of the command, where whoever takes the command may publish by default.
 */

import { randomBytes } from 'node:crypto'
import type { Message } from '../telemetry/message.ts'
import type { ExpectedAnswer } from './answer-topics.ts'

export interface Request {
  readonly responseTopic: string
  readonly correlationData: Uint8Array
}

/** Says that a message answers a command of ours, also when nobody waits any more. */
const PREFIX = Buffer.from('trestle:')
const RANDOM_BYTES = 12

export function newRequest(commandTopic: string): Request {
  return {
    responseTopic: `${commandTopic}/answer`,
    correlationData: Buffer.concat([PREFIX, randomBytes(RANDOM_BYTES)]),
  }
}

/** Answered as asked, or as devices of its kind do anyhow. */
export function answerTo(request: Request, usual: ExpectedAnswer | null): ExpectedAnswer {
  return {
    topics: [...(usual?.topics ?? []), request.responseTopic],
    isAnswer: message =>
      message.topic === request.responseTopic
        ? isSame(message.properties?.correlationData, request.correlationData)
        : (usual?.isAnswer?.(message) ?? true),
  }
}

/** No reading: it is told to whoever asked. */
export function isCommandAnswer({ properties }: Message): boolean {
  const data = properties?.correlationData
  if (data?.length !== PREFIX.length + RANDOM_BYTES) return false
  return PREFIX.every((byte, i) => data[i] === byte)
}

function isSame(data: Uint8Array | null | undefined, expected: Uint8Array): boolean {
  return data != null && Buffer.compare(data, expected) === 0
}
