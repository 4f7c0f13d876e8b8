/** AirGradient: `airgradient/readings/<serial>`. https://github.com/airgradienthq/arduino/blob/master/docs */

import type { Family } from '../family.ts'

export const airgradient: Family = {
  name: 'airgradient',
  topics: [['airgradient/readings/{serial}', ({ serial }) => ({ device: serial! })]],
}
