/** What every drawing here needs: a canvas as sharp as the screen, and hatching. */

/** The canvas cleared, at its size on the page in CSS pixels; null while it has none. */
export function prepare(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  if (width < 1 || height < 1) return null
  const ratio = devicePixelRatio
  const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth
    canvas.height = pixelHeight
  }
  const context = canvas.getContext('2d')
  if (!context) return null
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  return context
}

/** Slanted lines, five pixels apart, anchored to the canvas so that neighbours continue each other. */
export function hatch(
  context: CanvasRenderingContext2D,
  box: readonly [number, number, number, number],
  color: string,
): void {
  const [x, y, width, height] = box
  if (width < 1) return
  context.save()
  context.beginPath()
  context.rect(x, y, width, height)
  context.clip()
  context.beginPath()
  for (let at = Math.floor((x - height) / 5) * 5; at < x + width + height; at += 5) {
    context.moveTo(at, y + height)
    context.lineTo(at + height, y)
  }
  context.strokeStyle = color
  context.lineWidth = 1
  context.stroke()
  context.restore()
}

export function bar(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  context.beginPath()
  context.roundRect(x, y, width, height, Math.min(2, width / 2))
  context.fill()
}
