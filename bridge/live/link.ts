/** One connection of a client to the bridge, over whichever transport. Runs in browsers too. */

import type { ClientFrame, ServerFrame } from './protocol.ts'

export interface LinkOptions {
  /** Of `/live`, http or https. */
  readonly url: URL
  readonly token: string | undefined
  readonly onFrame: (frame: ServerFrame) => void
  /** Called once, at the end, whoever ended it. */
  readonly onEnd: (code: number, reason: string) => void
}

export interface Link {
  send(frame: ClientFrame): void
  close(): void
}

export type OpenLink = (options: LinkOptions) => Link

/** The WebSocket protocol's own codes for an end without a closing handshake, and for an ordinary one. */
export const ENDED_ABNORMALLY = 1006
export const ENDED = 1000
