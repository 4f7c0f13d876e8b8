/**
 * Frigate: a topic per camera and object with plain counts; events on shared topics, whose camera is in the
 * payload. https://docs.frigate.video/integrations/mqtt/
 */

import { type Context, type Family, ignore, type Plan, type Result } from '../family.ts'
import { uniqueName } from '../names.ts'
import type { Payload } from '../payload.ts'
import { documentResult } from '../results.ts'
import { isObject, objectOf, textOf } from '../shape.ts'

export const frigate: Family = {
  name: 'frigate',
  topics: [
    ['frigate/available', () => ({ device: 'frigate', isAvailability: true })],
    ['frigate/stats', () => ({ device: 'frigate' })],
    ['frigate/events|reviews|tracked_object_update|triggers', () => ({ device: 'frigate', read: readEvent })],
    [
      'frigate/onConnect|restart|camera_activity|model_state|job_state|embeddings_reindex_progress',
      ignore('metadata'),
    ],
    ['frigate/notifications/#', ignore('metadata')],
    ['frigate/{camera}/{object}/snapshot', ignore('picture')],
    [
      'frigate/{camera}/{path...}',
      ({ camera, path }) => ({ device: camera!, field: path!.replaceAll('/', '.') }),
    ],
  ],
}

/** `before` repeats what an earlier event said. */
function readEvent(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const json = payload.json()
  if (!isObject(json)) return undefined
  const { before: _, ...event } = json
  const camera = textOf(event.camera) ?? textOf(objectOf(event.after).camera)
  const object = camera === undefined ? plan.object : { ...plan.object, device: uniqueName(camera) }
  return documentResult(event, { object, scalar: object }, context)
}
