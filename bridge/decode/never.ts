/** Topics whose messages are sound but never readings, whatever family they belong to. */

const COMMANDS = new Set([
  'cmnd',
  'cmd',
  'cmds',
  'command',
  'commands',
  'set',
  'setter',
  'request',
  'requests',
  'response',
  'downlink',
  'downlinks',
])
const LOGS = new Set(['log', 'logs', 'logging', 'syslog', 'debug'])
const LAST: ReadonlyMap<string, string> = new Map([
  ['get', 'request'],
  ['config', 'metadata'],
  ['announce', 'metadata'],
  ['discovery', 'metadata'],
  ['discover', 'metadata'],
  ['schema', 'metadata'],
  ['meta', 'metadata'],
  ['delta', 'command'],
  ['desired', 'command'],
])

/** The reason, or undefined when the topic may carry readings. */
export function neverReading(levels: readonly string[]): string | undefined {
  if (levels[0] === '$SYS') return 'figures of the broker'
  for (let i = 1; i < levels.length; i++) {
    const level = levels[i]!.toLowerCase()
    if (COMMANDS.has(level)) return 'command'
    if (LOGS.has(level)) return 'log'
  }
  if (levels.length > 1 && (levels[0] === 'cmnd' || levels[0] === 'cmd')) return 'command'
  return levels.length > 1 ? LAST.get(levels.at(-1)!.toLowerCase()) : undefined
}
