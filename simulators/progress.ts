/** A bar on the terminal while a run lasts; nothing where nobody looks. */

const WIDTH = 24
const EVERY_MS = 250

export function startProgress(totalMs: number, words: () => string): { stop(): void } {
  const { stderr } = process
  if (!stderr.isTTY) return { stop: () => undefined }
  const beganMs = performance.now()
  const draw = (): void => {
    const elapsedMs = performance.now() - beganMs
    const isEndless = totalMs === Infinity
    const filled = isEndless ? 0 : Math.round(WIDTH * Math.min(1, elapsedMs / totalMs))
    const bar = isEndless ? '' : `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} `
    const line = `${bar}${(elapsedMs / 1000).toFixed(0)} s  ${words()}`
    stderr.write(`\r\x1b[K${line.slice(0, (stderr.columns ?? 120) - 1)}`)
  }
  const timer = setInterval(draw, EVERY_MS)
  return {
    stop() {
      clearInterval(timer)
      draw()
      stderr.write('\n')
    },
  }
}
