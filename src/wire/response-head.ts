import type { ResponseHead, WireFault } from './events.js'
import { parseFieldLines } from './field-lines.js'
import { responseFraming } from './framing.js'

/**
 * `HTTP/1.x SP status [SP reason] CRLF` (RFC 9112 §4). Without a reason many servers leave out the second space too.
 * Statuses end at 599: what a 6xx to 9xx means nobody has said (RFC 9110 §15).
 */
const STATUS_LINE = /HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/y

/** Where what it says is in it: `test` makes no array, and this runs for every answer. */
const [MINOR, STATUS, REASON] = ['HTTP/1.'.length, 'HTTP/1.x '.length, 'HTTP/1.x 200 '.length]

/** The head of an answer. @param text latin1, from the status line up to and with the empty line. */
export function parseResponseHead(text: string, method: string): ResponseHead | WireFault {
  STATUS_LINE.lastIndex = 0
  if (!STATUS_LINE.test(text))
    return { name: 'http_protocol_error', details: 'malformed status line', section: 'RFC 9112 §4' }
  const end = STATUS_LINE.lastIndex
  const fields = parseFieldLines(text, end)
  if ('section' in fields) return fields
  const minor = text[MINOR] === '1' ? 1 : 0
  const status = Number(text.slice(STATUS, STATUS + 3))
  const framed = responseFraming(method, status, minor, fields)
  if ('section' in framed) return framed
  const version = minor === 1 ? '1.1' : '1.0'
  return {
    status,
    reason: text.slice(REASON, Math.max(REASON, end - 2)),
    version,
    fields,
    framing: framed.framing,
    keepAlive: framed.keepAlive,
  }
}

const START = 'HTTP/1.'

/** How many bytes `isForeign` looks at. */
export const STATUS_LINE_START = START.length

/** No answer can start like this: told at the first wrong byte, so that a peer that speaks something else dies at once. */
export function isForeign(beginning: string): boolean {
  return beginning.length >= START.length ? !beginning.startsWith(START) : !START.startsWith(beginning)
}
