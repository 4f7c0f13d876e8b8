/** The last seconds of one sensor, for its strip. */

import { prepare } from '../chart/canvas.ts'
import { currentColors } from '../chart/colors.ts'

const LENGTH = 70
const INSET_PX = 4
/** Noise smaller than this share of the value is not drawn as a mountain. */
const LEAST_SHARE = 0.02

export class Trail {
  #values: number[] = []

  add(value: number): void {
    this.#values.push(value)
    if (this.#values.length > LENGTH) this.#values.shift()
  }

  clear(): void {
    this.#values = []
  }

  draw(canvas: HTMLCanvasElement): void {
    const { clientWidth: width, clientHeight: height } = canvas
    const context = prepare(canvas, width, height)
    if (!context) return
    const colors = currentColors()
    const now = width - 1
    context.fillStyle = colors.accent
    context.fillRect(now - 0.5, 0, 1.5, height)
    const values = this.#values
    if (values.length < 2) return
    let low = Math.min(...values)
    let high = Math.max(...values)
    const missing = Math.max(0, LEAST_SHARE * Math.max(1, Math.abs(high)) - (high - low)) / 2
    low -= missing
    high += missing
    context.beginPath()
    for (const [at, value] of values.entries()) {
      const x = now - ((values.length - 1 - at) / (LENGTH - 1)) * now
      context.lineTo(x, height - INSET_PX - ((value - low) / (high - low)) * (height - 2 * INSET_PX))
    }
    context.strokeStyle = colors.spark
    context.lineWidth = 1.4
    context.lineJoin = 'round'
    context.stroke()
  }
}
