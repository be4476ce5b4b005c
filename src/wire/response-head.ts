import type { ResponseHead, WireFault } from './events.js'
import { parseFieldLines } from './field-lines.js'
import { responseFraming } from './framing.js'

/**
 * `HTTP/1.x SP status [SP reason] CRLF` (RFC 9112 §4). Without a reason many servers leave out the second space too.
 * Statuses end at 599: what a 6xx to 9xx means nobody has said (RFC 9110 §15).
 */
const STATUS_LINE = /HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n/y

/** The head of an answer. @param text latin1, from the status line up to and with the empty line. */
export function parseResponseHead(text: string, method: string): ResponseHead | WireFault {
  STATUS_LINE.lastIndex = 0
  const line = STATUS_LINE.exec(text)
  if (line === null) return { name: 'http_protocol_error', details: 'malformed status line', section: 'RFC 9112 §4' }
  const fields = parseFieldLines(text, line[0].length)
  if ('section' in fields) return fields
  const minor = line[1] === '1' ? 1 : 0
  const status = Number(line[2])
  const framed = responseFraming(method, status, minor, fields)
  if ('section' in framed) return framed
  const version = minor === 1 ? '1.1' : '1.0'
  return { status, reason: line[3] ?? '', version, fields, framing: framed.framing, keepAlive: framed.keepAlive }
}

const START = 'HTTP/1.'

/** How many bytes `isForeign` looks at. */
export const STATUS_LINE_START = START.length

/** No answer can start like this: told at the first wrong byte, so that a peer that speaks something else dies at once. */
export function isForeign(beginning: string): boolean {
  return beginning.length >= START.length ? !beginning.startsWith(START) : !START.startsWith(beginning)
}
