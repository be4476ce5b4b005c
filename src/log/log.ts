import { createRequire } from 'node:module'
import pino, { type DestinationStream, type Logger } from 'pino'
import type { Config } from '../config/config.js'
import type { RecordSink } from '../exchange/record.js'
import { redactFields } from '../http/redact.js'
import type { Clock } from '../time/clock.js'
import { exchangeLine } from './exchange-line.js'
import { LogOutput } from './log-output.js'

export type Log = {
  readonly logger: Logger
  /** Writes a line, or several, that are serialized already. */
  readonly write: (line: string) => void
  /** Writes what is buffered now: for lines that somebody waits for. */
  readonly sync: () => void
  /** Writes what is buffered, before the process ends. */
  readonly flush: () => Promise<void>
}

/**
 * JSON lines for machines, readable ones for a terminal. Lines are written in batches: a line of its own system call per
 * request would cost more than the rest of the proxy. @param fd where JSON goes; readable lines go to stdout
 */
export function createLog(settings: Config['log'], toTerminal: boolean, fd = 1): Log {
  const pretty = settings.format === 'pretty' || (settings.format === 'auto' && toTerminal)
  const options = { level: settings.level, base: null }
  if (pretty) {
    const stream = prettyStream()
    return {
      logger: pino(options, stream),
      write: line => stream.write(line),
      sync: () => undefined,
      flush: async () => undefined,
    }
  }
  const output = new LogOutput(fd)
  const logger = pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime }, output)
  return { logger, write: line => output.write(line), sync: () => output.flushSync(), flush: () => output.close() }
}

/** Loaded only when asked for. */
function prettyStream(): DestinationStream {
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty')
  return pretty({
    colorize: process.stdout.isTTY === true && !process.env['NO_COLOR'],
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'attempts,id,host,path,method,status,route,mode,duration_ms,overhead_ms,queued_ms,bytes_in,bytes_out,end',
    messageFormat: (line, key) => (line[key] === 'exchange' ? describeExchange(line) : String(line[key])),
    sync: true,
  })
}

type LoggedAttempt = { readonly outcome: string; readonly why: string; readonly wait_ms: number }

/** `GET api.test/items 200 in 812ms (503 status +400ms, 200 final) via items` */
function describeExchange(line: Record<string, unknown>): string {
  const attempts = (line['attempts'] as LoggedAttempt[]).map(({ outcome, why, wait_ms }) =>
    wait_ms > 0 ? `${outcome} ${why} +${Math.round(wait_ms)}ms` : `${outcome} ${why}`,
  )
  const end = line['end'] === undefined ? '' : ` ${line['end']}`
  const tries = attempts.length > 1 ? ` (${attempts.join(', ')})` : ''
  const target = `${line['method']} ${line['host']}${line['path']}`
  return `${target} ${line['status']}${end} in ${Math.round(Number(line['duration_ms']))}ms${tries} via ${line['route']}`
}

/** Writes the one record `exchange` per request; `undefined` when the level leaves it out anyway. */
export function exchangeRecorder(
  { logger, write }: Log,
  clock: Clock,
  redact: readonly string[],
): RecordSink | undefined {
  if (!logger.isLevelEnabled('info')) return undefined
  const debug = logger.isLevelEnabled('debug')
  let at = Number.NaN
  let time = ''
  return record => {
    const now = clock.now()
    // Formatting a date is dear, and many requests end in the same millisecond.
    if (now !== at) time = new Date(now).toISOString()
    at = now
    const line = exchangeLine(record, time)
    // At level debug the record shows the request's fields, secrets masked.
    write(debug ? withFields(line, redactFields(record.fields, redact)) : line)
  }
}

const withFields = (line: string, fields: Record<string, string>): string =>
  `${line.slice(0, -2)},"fields":${JSON.stringify(fields)}}\n`
