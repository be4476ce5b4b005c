import type { WireFault } from './events.js'

/** Whole lines of `name: value`, nothing else: linear, and one call for a whole head (RFC 9112 §5, RFC 9110 §5.5). */
const FIELD_LINES = /(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n/y

/**
 * The field lines of `section` from `start` up to and with the empty line that must be its end, as a flat array.
 * Names and values are slices of `section`; values are trimmed of optional whitespace.
 */
export function parseFieldLines(section: string, start: number): string[] | WireFault {
  FIELD_LINES.lastIndex = start
  if (!FIELD_LINES.test(section) || FIELD_LINES.lastIndex !== section.length) return explain(section, start)
  const fields: string[] = []
  const end = section.length - 2
  for (let at = start; at < end; ) {
    const colon = section.indexOf(':', at)
    const cr = section.indexOf('\r', colon)
    fields.push(section.slice(at, colon), trimmed(section, colon + 1, cr))
    at = cr + 2
  }
  return fields
}

const isOws = (code: number): boolean => code === 0x20 || code === 0x09

/** Only SP and HTAB are optional whitespace: `String.trim` would also eat the octet A0 (RFC 9110 §5.6.3). */
function trimmed(section: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isOws(section.charCodeAt(start))) start++
  while (end > start && isOws(section.charCodeAt(end - 1))) end--
  return section.slice(start, end)
}

/** What is wrong with the first bad line. */
function explain(section: string, start: number): WireFault {
  for (const line of section.slice(start).split('\r\n')) {
    const [details, text] = flaw(line)
    if (details !== undefined) return { name: 'http_protocol_error', details, section: text }
  }
  return { name: 'http_protocol_error', details: 'malformed field section', section: 'RFC 9112 §5' }
}

function flaw(line: string): [string, string] | [undefined] {
  if (line === '') return [undefined]
  if (line.startsWith(' ') || line.startsWith('\t')) return ['folded field line', 'RFC 9112 §5.2']
  if (/[\r\n]/.test(line)) return ['bare CR or LF', 'RFC 9112 §2.2']
  if (/[\x00-\x08\x0e-\x1f\x7f\x0b\x0c]/.test(line)) return ['control byte in a field', 'RFC 9110 §5.5']
  const colon = line.indexOf(':')
  if (colon === -1) return ['field line without a colon', 'RFC 9112 §5']
  if (/[ \t]$/.test(line.slice(0, colon))) return ['whitespace before the colon', 'RFC 9112 §5.1']
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(line.slice(0, colon)))
    return ['field name is not a token', 'RFC 9110 §5.1']
  return [undefined]
}
