/** A link by long poll: one request after the other for each subscription. Runs in browsers too. */

import { ENDED, ENDED_ABNORMALLY, type Link, type LinkOptions } from './link.ts'
import { type AnySubscribe, get, LinkFailure, postCommand, requestUrl } from './link-http.ts'
import type { Id, PollAnswer } from './protocol.ts'

/** The server answers within 25 s. */
const ANSWER_MS = 40_000

export function openPoll(options: LinkOptions): Link {
  const { onFrame, onEnd } = options
  const loops = new Map<Id | null, AbortController>()
  let isEnded = false

  const end = (code: number, reason: string): void => {
    if (isEnded) return
    isEnded = true
    for (const loop of loops.values()) loop.abort()
    onEnd(code, reason)
  }
  const ask = async (subscribe: AnySubscribe | null, cursor: string | undefined, loop: AbortController) => {
    const signal = AbortSignal.any([loop.signal, AbortSignal.timeout(ANSWER_MS)])
    const response = await get(requestUrl(options.url, 'poll', subscribe, cursor), options, signal)
    return (await response.json()) as PollAnswer
  }
  const run = async (subscribe: AnySubscribe | null): Promise<void> => {
    const loop = new AbortController()
    loops.set(subscribe?.id ?? null, loop)
    try {
      const { hello } = await ask(null, undefined, loop)
      if (hello) onFrame(hello)
      if (!subscribe) return
      if (subscribe.stream === 'messages') {
        const message = 'messages are not kept, so they cannot be polled'
        onFrame({ op: 'error', id: subscribe.id, code: 'not-available', message })
        return
      }
      onFrame({ op: 'result', id: subscribe.id, ok: true })
      let cursor = subscribe.resume ?? (subscribe.snapshot === false ? hello?.cursor : undefined)
      while (!loop.signal.aborted) {
        const answer = await ask(subscribe, cursor, loop)
        if (loop.signal.aborted) return
        cursor = answer.cursor
        for (const frame of answer.frames) onFrame('id' in frame ? { ...frame, id: subscribe.id } : frame)
      }
    } catch (cause) {
      if (loop.signal.aborted) return
      if (cause instanceof LinkFailure) end(cause.code, cause.message)
      else end(ENDED_ABNORMALLY, String(cause))
    }
  }
  queueMicrotask(() => {
    if (loops.size === 0 && !isEnded) void run(null)
  })

  return {
    send(frame) {
      if (frame.op === 'subscribe') void run(frame)
      else if (frame.op === 'command') void postCommand(frame, options)
      // A request that is not answered in time ends the link, so there is no need to ask.
      else if (frame.op === 'ping') onFrame({ op: 'pong' })
      else if (frame.op === 'unsubscribe') {
        loops.get(frame.id)?.abort()
        loops.delete(frame.id)
      }
    },
    close: () => end(ENDED, 'closed'),
  }
}
