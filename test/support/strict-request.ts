/**
 * A reader of HTTP/1.1 requests that knows nothing of the code under test and takes only what RFC 9112 has one reading
 * for: an upstream that read more strictly would be wrong.
 */
export type StrictRequest = {
  readonly method: string
  readonly target: string
  /** name, value, … */
  readonly fields: readonly string[]
  readonly body: string
  /** Names and values behind a chunked body. */
  readonly trailers: readonly string[]
  /** All its bytes are there, and they are well-formed. */
  readonly whole: boolean
  /** What is wrong with its body. */
  readonly flaw?: string
  /** Where the next one begins. */
  readonly end: number
}

export type StrictReading = {
  readonly requests: readonly StrictRequest[]
  /** Why nothing is read beyond the last request. */
  readonly flaw: string | undefined
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e]+) HTTP/1\\.([01])$`)
const FIELD_LINE = new RegExp(
  `^(${TOKEN}):[ \\t]*((?:[\\x21-\\x7e\\x80-\\xff](?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?)[ \\t]*$`,
)
const EXTENSIONS = new RegExp(
  `^(?:[ \\t]*;[ \\t]*${TOKEN}(?:[ \\t]*=[ \\t]*(?:${TOKEN}|"(?:[^"\\\\\\r\\n]|\\\\[^\\r\\n])*"))?)*$`,
)

/** RFC 9110 §6.5.1, as far as the tests write such trailers. */
const HEAD_ONLY =
  /^(?:host|content-length|transfer-encoding|connection|te|upgrade|expect|trailer|cookie|authorization|max-forwards|range|via)$/i

export type Leniency = {
  /** RFC 9112 §2.2 and §3: line ends of any kind before a request, and more than one space within its line. */
  readonly request: boolean
}

/** @param text all bytes of a connection, as latin1 */
export function readRequests(text: string, lenient: Leniency = { request: false }): StrictReading {
  const requests: StrictRequest[] = []
  for (let at = 0; at < text.length; ) {
    const start = lenient.request ? at + (/^[\r\n]*/.exec(text.slice(at))?.[0].length ?? 0) : at
    if (start === text.length) break
    const read = readRequest(text, start, lenient)
    if (typeof read === 'string') return { requests, flaw: read }
    requests.push(read)
    if (!read.whole) return { requests, flaw: read.flaw ?? 'the bytes end within a body' }
    at = read.end
  }
  return { requests, flaw: undefined }
}

function readRequest(text: string, start: number, lenient: Leniency): StrictRequest | string {
  const headEnd = text.indexOf('\r\n\r\n', start)
  if (headEnd === -1) return 'the bytes end within a head'
  const [line = '', ...lines] = text.slice(start, headEnd).split('\r\n')
  const [, method, target, minor] = REQUEST_LINE.exec(lenient.request ? line.replace(/ +/g, ' ') : line) ?? []
  if (method === undefined || target === undefined) return `no request line: ${JSON.stringify(line)}`
  const fields = readFields(lines)
  if (typeof fields === 'string') return fields
  const of = (name: string) => fields.filter((_, i) => i % 2 === 1 && fields[i - 1]?.toLowerCase() === name)
  if (minor === '1' && of('host').length !== 1) return 'not one Host'
  const [lengths, codings] = [of('content-length'), of('transfer-encoding')]
  if (lengths.length + codings.length > 1) return 'framed twice'
  const from = headEnd + 4
  const request = { method, target, fields }
  if (codings[0] !== undefined) {
    if (minor === '0' || codings[0].toLowerCase() !== 'chunked') return `transfer coding ${codings[0]}`
    return { ...request, ...readChunks(text, from) }
  }
  if (lengths[0] !== undefined && !/^\d{1,15}$/.test(lengths[0])) return `length ${lengths[0]}`
  const end = from + Number(lengths[0] ?? 0)
  return { ...request, body: text.slice(from, end), trailers: [], whole: text.length >= end, end }
}

function readFields(lines: readonly string[]): string[] | string {
  const fields: string[] = []
  for (const line of lines) {
    const [, name, value] = FIELD_LINE.exec(line) ?? []
    if (name === undefined || value === undefined) return `no field line: ${JSON.stringify(line.slice(0, 80))}`
    fields.push(name, value)
  }
  return fields
}

type Body = Pick<StrictRequest, 'body' | 'trailers' | 'whole' | 'flaw' | 'end'>

function readChunks(text: string, start: number): Body {
  let body = ''
  const cut = (flaw?: string): Body => ({ body, trailers: [], whole: false, ...(flaw && { flaw }), end: text.length })
  for (let at = start; ; ) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd === -1) return cut()
    const [, digits, extensions = ''] = /^([\da-fA-F]{1,15})(.*)$/s.exec(text.slice(at, lineEnd)) ?? []
    if (digits === undefined || !EXTENSIONS.test(extensions)) return cut('no chunk size')
    const size = Number.parseInt(digits, 16)
    at = lineEnd + 2
    if (size === 0) return { ...readTrailers(text, at), body }
    body += text.slice(at, at + size)
    at += size
    if (!'\r\n'.startsWith(text.slice(at, at + 2))) return cut('a chunk without an end')
    if (text.length < at + 2) return cut()
    at += 2
  }
}

function readTrailers(text: string, at: number): Omit<Body, 'body'> {
  if (text.startsWith('\r\n', at)) return { trailers: [], whole: true, end: at + 2 }
  const cut = { trailers: [], whole: false, end: text.length }
  const end = text.indexOf('\r\n\r\n', at)
  if (end === -1) return cut
  const trailers = readFields(text.slice(at, end).split('\r\n'))
  if (typeof trailers === 'string') return { ...cut, flaw: trailers }
  const misplaced = trailers.find((name, i) => i % 2 === 0 && HEAD_ONLY.test(name))
  return misplaced === undefined ? { trailers, whole: true, end: end + 4 } : { ...cut, flaw: `trailer ${misplaced}` }
}
