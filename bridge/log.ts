import { Writable } from 'node:stream'
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
  const stderr = pino.destination({ dest: 2, sync: true })
  const stream = isText
    ? pretty({ destination: harmless(stderr), ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' })
    : harmless(stderr)
  return pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream)
}

/**
 * What steers a terminal is shown, not obeyed: client ids and topics come from strangers. JSON escapes all of it but
 * DEL and the C1 controls, one of which begins an escape sequence like ESC; text escapes nothing.
 */
function harmless(stream: { write(text: string): unknown }): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string | Buffer, _encoding, done) {
      stream.write(String(text).replace(CONTROLS, escaped))
      done()
    },
  })
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

function escaped(control: string): string {
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`
}
