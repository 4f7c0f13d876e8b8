/** A link by long poll: one request after the other for each subscription. Runs in browsers too. */

import { ENDED, ENDED_ABNORMALLY, type Link, type LinkOptions } from './link.ts'
import { type AnySubscribe, get, LinkFailure, postCommand, RequestRefused, requestUrl } from './link-http.ts'
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
      if (subscribe?.stream === 'messages') {
        throw new RequestRefused('not-available', 'messages are not kept, so they cannot be polled')
      }
      // Without a cursor it is answered at once: by a hello, and by the snapshot unless there is one to resume.
      const first = subscribe?.resume === undefined ? subscribe : { ...subscribe, snapshot: false }
      let answer = await ask(first, undefined, loop)
      if (answer.hello) onFrame(answer.hello)
      if (!subscribe) return
      onFrame({ op: 'result', id: subscribe.id, ok: true })
      for (let cursor = subscribe.resume ?? answer.cursor; ; cursor = answer.cursor) {
        for (const frame of answer.frames) onFrame('id' in frame ? { ...frame, id: subscribe.id } : frame)
        answer = await ask(subscribe, cursor, loop)
        if (loop.signal.aborted) return
      }
    } catch (cause) {
      if (loop.signal.aborted) return
      if (cause instanceof RequestRefused && subscribe) refused(subscribe, cause)
      else if (cause instanceof LinkFailure) end(cause.code, cause.message)
      else end(ENDED_ABNORMALLY, String(cause))
    }
  }
  const refused = ({ id }: AnySubscribe, { code, message }: RequestRefused): void => {
    loops.delete(id)
    onFrame({ op: 'error', id, code, message })
    runSome()
  }
  // Without a subscription, a request that only says hello shows whether this transport passes.
  const runSome = (): void => {
    if (loops.size === 0 && !isEnded) void run(null)
  }
  queueMicrotask(runSome)

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
