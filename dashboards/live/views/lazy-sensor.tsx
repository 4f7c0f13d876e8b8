/** The sensor view comes when it is asked for: most who watch never send. */

import type { FunctionComponent } from 'preact'
import { useEffect, useState } from 'preact/hooks'

export function LazySensorView() {
  const [View, setView] = useState<FunctionComponent | null>(null)
  const [isMissing, setMissing] = useState(false)
  useEffect(() => {
    import('../sensor/sensor-view.tsx').then(
      ({ SensorView }) => setView(() => SensorView),
      () => setMissing(true),
    )
  }, [])
  if (View) return <View />
  return (
    <div class="view">
      <h1 tabIndex={-1}>This phone</h1>
      {isMissing && (
        <p class="nothing" role="status">
          This part of the page did not come. Load the page again once the bridge is back.
        </p>
      )}
    </div>
  )
}
