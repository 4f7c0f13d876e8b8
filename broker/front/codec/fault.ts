/** What a packet did wrong, and how the specification calls it (4.13). Thrown within the codec, a value outside. */

export class Fault extends Error {
  /** For CONNACK or DISCONNECT of MQTT 5. */
  readonly code: number
  /** Under which it is counted; null: what the code stands for. */
  readonly flaw: string | null

  constructor(code: number, message: string, flaw: string | null = null) {
    super(message)
    this.code = code
    this.flaw = flaw
  }
}
