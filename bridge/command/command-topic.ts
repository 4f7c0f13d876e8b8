/** Where a device of a family listens for commands, told by where it speaks. Null: only the sender can know. */

const BY_FAMILY: Readonly<Record<string, (topic: string) => string | null>> = {
  zigbee2mqtt: topic => `${topic}/set`,
  // Backlog takes any command of Tasmota as text: `POWER ON`.
  tasmota: topic => withLevels(topic, levels => ['cmnd', ...levels.slice(1, -1), 'Backlog']),
  shelly: topic =>
    topic.startsWith('shellies/')
      ? withLevels(topic, levels => [...levels.slice(0, 2), 'command'])
      : withLevels(topic, levels => [levels[0]!, 'rpc']),
  // These have a topic for each property.
  esphome: () => null,
  homie: () => null,
}

/** Last levels that only say what kind of message a topic carries. */
export const SPEAKING: ReadonlySet<string> = new Set([
  'state',
  'status',
  'telemetry',
  'data',
  'sensor',
  'json',
  'up',
  'attributes',
])

export function commandTopic(family: string | null, topic: string): string | null {
  const known = BY_FAMILY[family ?? '']
  if (known !== undefined) return known(topic)
  return withLevels(topic, levels =>
    SPEAKING.has(levels.at(-1)!.toLowerCase()) && levels.length > 1
      ? [...levels.slice(0, -1), 'set']
      : [...levels, 'set'],
  )
}

function withLevels(topic: string, change: (levels: readonly string[]) => readonly string[]): string {
  return change(topic.split('/')).join('/')
}
