import { type AttemptRecord, type ExchangeRecord, overhead } from '../exchange/record.js'
import { tenthsText } from '../time/units.js'

/**
 * The log line of an exchange, in ASCII, built by hand: it is written for every request, and a general serializer costs more
 * than the rest of the proxy's own work. Same shape as any other line of the log.
 * @param time ISO 8601
 */
export function exchangeLine(record: ExchangeRecord, time: string): string {
  const { id, route, mode, method, host, path, status, end, key, spend, attempts, queued_ms, bytes_in, bytes_out } =
    record
  const { hints_invalid } = record
  const duration = record.endedAt - record.startedAt
  return (
    `{"level":30,"time":"${time}","id":"${id}",${whither(route, mode, method, host)},"path":${quote(path)},"status":${status}${end === undefined ? '' : `,"end":"${end}"`}` +
    `${key === undefined ? '' : `,"key":${quote(key)}`}${spend === undefined ? '' : `,"spend":${quote(spend)}`}` +
    `${hints_invalid === undefined ? '' : `,"hints_invalid":${hints_invalid}`}` +
    `,"attempts":[${attemptList(attempts)}],"duration_ms":${tenthsText(duration)}` +
    `,"queued_ms":${tenthsText(queued_ms)},"overhead_ms":${tenthsText(overhead(attempts, duration, queued_ms))},"bytes_in":${bytes_in},"bytes_out":${bytes_out}` +
    ',"msg":"exchange"}\n'
  )
}

/** What went before goes on, mostly. */
let latest = { route: '', mode: '', method: '', host: '', text: '' }

function whither(route: string, mode: string, method: string, host: string): string {
  if (latest.host !== host || latest.method !== method || latest.route !== route || latest.mode !== mode) {
    const text = `"route":${quote(route)},"mode":"${mode}","method":${quote(method)},"host":${quote(host)}`
    latest = { route, mode, method, host, text }
  }
  return latest.text
}

function attemptList(attempts: readonly AttemptRecord[]): string {
  let list = ''
  for (const { n, outcome, why, wait_ms, reused, bytes_sent, startedAt, endedAt } of attempts) {
    list +=
      `${n === 1 ? '' : ','}{"n":${n},"outcome":"${outcome}","why":"${why}","wait_ms":${tenthsText(wait_ms)}` +
      `,"reused":${reused},"bytes_sent":${bytes_sent},"took_ms":${tenthsText(endedAt - startedAt)}}`
  }
  return list
}

/** Nothing in it needs escaping in JSON: the rule for names, hosts and paths. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

const quote = (text: string): string => (PLAIN.test(text) ? `"${text}"` : escaped(text))

const escaped = (text: string): string =>
  JSON.stringify(text).replace(/[^\x20-\x7e]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
