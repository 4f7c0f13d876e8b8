/** A command of a live client, and what becomes of it. */

import type { Principal } from './access.ts'
import type { CommandAnswer, CommandResult } from './protocol.ts'

export interface LiveCommand {
  /** Unique within this process; repeating a command under its id is safe. */
  readonly id: string
  readonly device: string
  readonly topic?: string | undefined
  readonly payload: unknown
  readonly qos: 0 | 1
  /** Whether to wait for what the device says to it. */
  readonly answer: boolean
  readonly principal: Principal
}

export type CommandOutcome =
  | { readonly ok: true; readonly result: CommandResult; readonly answer?: CommandAnswer }
  | { readonly ok: false; readonly code: string; readonly message: string }

export type SendCommand = (command: LiveCommand) => Promise<CommandOutcome>
