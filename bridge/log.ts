import pino, { type Logger } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

/**
 * Logs go to stderr; stdout has the ready line alone. WARN: odd, but nothing lost. ERROR: data lost, or a person
 * needed. Nothing per message.
 */
export function createLogger(options: {
  readonly level: string
  readonly format: 'auto' | 'json' | 'text'
}): Logger {
  const isText = options.format === 'text' || (options.format === 'auto' && process.stderr.isTTY === true)
  const stream = isText
    ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' })
    : pino.destination({ dest: 2, sync: true })
  return pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream)
}
