/** Resolves after that time (never, for Infinity), or when the signal comes. Keeps the process alive meanwhile. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted === true) return resolve()
    // setTimeout takes 24 days at most.
    const timer = ms < 2 ** 31 ? setTimeout(done, ms) : setInterval(() => undefined, 2 ** 30)
    signal?.addEventListener('abort', done, { once: true })
    function done(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
  })
}
