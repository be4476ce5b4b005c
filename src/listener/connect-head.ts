import { fieldRole } from '../http/hop-by-hop.js'
import { parseFieldLines } from '../wire/field-lines.js'
import { cleanHead, type PlainHead } from '../wire/plain-head.js'

/** `CONNECT host:port HTTP/1.1 CRLF`, with a target that no two parsers read differently (RFC 9112 §3.2.3). */
const REQUEST_LINE = /CONNECT ((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}) HTTP\/1\.1\r\n/y

/**
 * The head of a CONNECT at the beginning of `bytes`, when all of it is there and it is of the strict plain form: clean
 * lines, and no field that frames a body or asks for something else. What this leaves is for `node:http` to judge.
 * @param max bytes of the head
 */
export function parseConnectHead(bytes: Buffer, max: number): Pick<PlainHead, 'target' | 'fields' | 'end'> | undefined {
  const text = cleanHead(bytes, max)
  if (text === undefined) return undefined
  REQUEST_LINE.lastIndex = 0
  const target = REQUEST_LINE.exec(text)?.[1]
  if (target === undefined) return undefined
  const fields = parseFieldLines(text, REQUEST_LINE.lastIndex)
  return 'section' in fields || !isPlain(fields) ? undefined : { target, fields, end: text.length }
}

function isPlain(fields: readonly string[]): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    const role = fieldRole(fields[i] as string)
    if (role === 'connection') {
      if (!/^(?:close|keep-alive)$/i.test(fields[i + 1] as string)) return false
    } else if (role !== undefined && role !== 'host' && role !== 'hop') return false
  }
  return true
}
