import { type Logger, pino, stdTimeFunctions } from 'pino'
import { prettyFactory } from 'pino-pretty'
import type { Scrub } from '../base/secrets.ts'

export type { Logger }

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What takes the lines of a log, such as a stream. */
export interface Lines {
  write(text: string): unknown
}

/** For programs (`json`, one object a line) or for people on a terminal (`pretty`). */
export type LogForm = 'json' | 'pretty'

/** A destination that gets no known credential, whatever a line holds: the details of an error, and the stack of its cause. */
export function scrubbing(destination: Lines, scrub: Scrub): Lines {
  return { write: text => destination.write(scrub(text)) }
}

/** Messages are static, data stands beside them. */
export function createLogger(level: LogLevel, form: LogForm, destination: Lines): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    // A second line of defence: nothing that is logged should hold a secret in the first place.
    redact: {
      paths: [
        'authorization',
        '*.authorization',
        'token',
        '*.token',
        'password',
        '*.password',
        'headers.authorization',
        'req.headers.authorization'
      ],
      censor: '[redacted]'
    }
  }
  if (form === 'json') return pino(options, destination)
  // Line by line, and not as the package's stream: that one takes no destination but a whole stream.
  const inWords = prettyFactory({ colorize: true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname' })
  return pino(options, { write: line => destination.write(inWords(line)) })
}
