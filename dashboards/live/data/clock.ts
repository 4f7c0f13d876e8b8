/**
 * The server's clock, as this page knows it. Ages are told by it, so that a wrong clock in the browser does
 * not make a live device look late. `performance.now` carries it between hellos: it never jumps.
 */

let offsetMs = 0
let isSet = false

/** Milliseconds since the epoch, by the server once it has said hello, until then by the browser. */
export function serverNow(): number {
  return isSet ? performance.now() + offsetMs : Date.now()
}

export function setServerTime(serverTimeMs: number): void {
  offsetMs = serverTimeMs - performance.now()
  isSet = true
}
