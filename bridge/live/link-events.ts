/**
 * A link over Server-Sent Events: one request per subscription. Read with `fetch` rather than `EventSource`,
 * which Node lacks, cannot send a token, and does not tell why it failed.
 */

import { ENDED, ENDED_ABNORMALLY, type Link, type LinkOptions } from './link.ts'
import { type AnySubscribe, get, LinkFailure, postCommand, RequestRefused, requestUrl } from './link-http.ts'
import type { Id, ServerFrame } from './protocol.ts'

/** The server sends something at least every 15 s. */
const SILENT_MS = 35_000

export function openEvents(options: LinkOptions): Link {
  const { onFrame, onEnd } = options
  const streams = new Map<Id | null, AbortController>()
  let heardMs = performance.now()
  let isEnded = false

  const end = (code: number, reason: string): void => {
    if (isEnded) return
    isEnded = true
    for (const stream of streams.values()) stream.abort()
    onEnd(code, reason)
  }
  const open = async (subscribe: AnySubscribe | null): Promise<void> => {
    const stream = new AbortController()
    streams.set(subscribe?.id ?? null, stream)
    const cursor = subscribe && 'resume' in subscribe ? subscribe.resume : undefined
    try {
      const response = await get(requestUrl(options.url, 'events', subscribe, cursor), options, stream.signal)
      for await (const data of eventsOf(response, () => (heardMs = performance.now()))) {
        if (stream.signal.aborted) return
        for (const frame of framesFor(subscribe, JSON.parse(data) as ServerFrame)) onFrame(frame)
      }
      end(ENDED_ABNORMALLY, 'the server ended it')
    } catch (cause) {
      if (stream.signal.aborted) return
      if (cause instanceof RequestRefused && subscribe) refused(subscribe, cause)
      else if (cause instanceof LinkFailure) end(cause.code, cause.message)
      else end(ENDED_ABNORMALLY, String(cause))
    }
  }
  const refused = ({ id }: AnySubscribe, { code, message }: RequestRefused): void => {
    streams.delete(id)
    onFrame({ op: 'error', id, code, message })
    openSome()
  }
  // Without a subscription, a stream that only says hello shows whether this transport passes.
  const openSome = (): void => {
    if (streams.size === 0 && !isEnded) void open(null)
  }
  queueMicrotask(openSome)

  return {
    send(frame) {
      if (frame.op === 'subscribe') void open(frame)
      else if (frame.op === 'command') void postCommand(frame, options)
      else if (frame.op === 'ping' && performance.now() - heardMs < SILENT_MS) onFrame({ op: 'pong' })
      else if (frame.op === 'unsubscribe') {
        streams.get(frame.id)?.abort()
        streams.delete(frame.id)
      }
    },
    close: () => end(ENDED, 'closed'),
  }
}

/** Under the subscription's own id; the hello stands for its result too. */
function framesFor(subscribe: AnySubscribe | null, frame: ServerFrame): ServerFrame[] {
  if (!subscribe) return [frame]
  if (frame.op === 'hello') return [frame, { op: 'result', id: subscribe.id, ok: true }]
  return 'id' in frame ? [{ ...frame, id: subscribe.id }] : [frame]
}

/** The data of each event. */
async function* eventsOf(response: Response, onHeard: () => void): AsyncGenerator<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    onHeard()
    const events = (rest + value).split('\n\n')
    rest = events.pop()!
    for (const event of events) {
      const data = event.split('\n').find(line => line.startsWith('data: '))
      if (data) yield data.slice('data: '.length)
    }
  }
}
