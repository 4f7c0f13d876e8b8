/** A place in the stream as clients hold it. Opaque to them: it may come to name more than one counter. */

export function cursorOf(epoch: string, seq: number): string {
  return `${encodeURIComponent(epoch)}.${seq}`
}

/** The seq that a cursor names; null for one of another epoch, of the future, or that is not understood. */
export function seqOf(cursor: string, epoch: string, head: number): number | null {
  const digits = /\.(\d{1,15})$/.exec(cursor)?.[1]
  const seq = Number(digits)
  return digits !== undefined && seq <= head && cursor === cursorOf(epoch, seq) ? seq : null
}
