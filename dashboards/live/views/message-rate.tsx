/** Messages a second, as bars over the last minute. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { bar, prepare } from '../chart/canvas.ts'
import { currentColors } from '../chart/colors.ts'
import { onSecond } from '../data/frames.ts'
import { type MessageList, RATE_SECONDS } from '../data/message-list.ts'
import { formatNumber } from '../words/format.ts'

export function MessageRate({ list }: { list: MessageList }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [rate, setRate] = useState(0)
  useEffect(() =>
    onSecond(() => {
      list.turn()
      // The running second is not over; the one before is what is known.
      setRate(list.perSecond[RATE_SECONDS - 2] ?? 0)
      if (canvas.current) draw(canvas.current, list.perSecond)
    }),
  )
  return (
    <span class="message-rate">
      <canvas ref={canvas} />
      <span>
        <b>{formatNumber(rate, 0)}</b> /s
      </span>
    </span>
  )
}

function draw(canvas: HTMLCanvasElement, perSecond: Uint32Array): void {
  const { clientWidth: width, clientHeight: height } = canvas
  const context = prepare(canvas, width, height)
  if (!context) return
  const colors = currentColors()
  const most = Math.max(5, ...perSecond)
  const step = width / RATE_SECONDS
  for (let i = 0; i < RATE_SECONDS; i++) {
    const tall = Math.max(1, (perSecond[i]! / most) * height)
    context.fillStyle = i === RATE_SECONDS - 1 ? colors.accent : colors.spark
    bar(context, i * step, height - tall, step - 1, tall)
  }
}
