import type { ResponseHead } from '../../src/wire/events.js'
import { ResponseParser } from '../../src/wire/response-parser.js'

export type AnswerOptions = {
  readonly method?: string
  readonly upgrade?: boolean
  /** The connection ends behind the bytes. */
  readonly eof?: boolean
  readonly headBytes?: number
  readonly interimMax?: number
}

const describe = (kind: string, { status, reason, version, framing, keepAlive }: ResponseHead): string => {
  const body = framing.kind === 'length' ? `length=${framing.length}` : framing.kind
  return `${kind} ${status} "${reason}" ${version} ${body} ${keepAlive ? 'keep' : 'close'}`
}

const flat = (fields: readonly string[]): string[] =>
  fields.flatMap((name, i) => (i % 2 === 0 ? [`  ${name}=${fields[i + 1]}`] : []))

/**
 * Feeds the pieces of one answer to a new parser. Every event is a line; fields are lines of their own, adjacent body
 * chunks are joined, so that the result does not depend on where the bytes were cut.
 */
export function parseAnswer(pieces: readonly Buffer[], options: AnswerOptions = {}): string[] {
  const events: string[] = []
  let body: string | undefined
  const note = (...lines: string[]) => {
    if (body !== undefined) events.push(`body ${body}`)
    body = undefined
    events.push(...lines)
  }
  const parser = new ResponseParser(
    {
      onInterim: head => note(describe('interim', head), ...flat(head.fields)),
      onHead: head => note(describe('head', head), ...flat(head.fields)),
      onBody: chunk => {
        if (chunk.length === 0) note('empty body chunk')
        body = (body ?? '') + chunk.toString('latin1')
      },
      onEnd: trailers => note('end', ...flat(trailers)),
      onUpgrade: (head, rest) => note(describe('upgrade', head), ...flat(head.fields), `rest ${rest.length > 0}`),
    },
    { headBytes: options.headBytes ?? 16_384, interimMax: options.interimMax ?? 4 },
  )
  parser.begin(options.method ?? 'GET', { upgrade: options.upgrade })
  for (const piece of pieces) {
    const fault = parser.feed(piece)
    if (fault === undefined) continue
    note(`fault ${fault.name}`)
    return events
  }
  const fault = options.eof ? parser.eof() : undefined
  note(...(fault === undefined ? [] : [`fault ${fault.name}`]))
  return events
}

/** The bytes whole, byte by byte, and cut in two at each place. Each piece is a buffer of its own. */
export function* cuts(bytes: Buffer): Generator<[string, Buffer[]]> {
  yield ['whole', [bytes]]
  yield ['byte by byte', [...bytes].map(byte => Buffer.from([byte]))]
  for (let at = 1; at < bytes.length; at++) {
    yield [`cut at ${at}`, [Buffer.from(bytes.subarray(0, at)), Buffer.from(bytes.subarray(at))]]
  }
}
