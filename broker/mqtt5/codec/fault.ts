/** What a packet did wrong, and how the specification calls it (4.13). Thrown within the codec, a value outside. */

export class Fault extends Error {
  /** For CONNACK or DISCONNECT. */
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}
