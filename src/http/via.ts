import { type Fields, fieldValues } from './fields.js'

/** What a message came with; the minor version of HTTP/2 is implied (RFC 9110 §2.5). */
export type HttpVersion = '1.0' | '1.1' | '2.0'

/**
 * Our own member of `Via` (RFC 9110 §7.6.3). @param pseudonym a token: what stands for us instead of a host.
 * @param received with which the message came to us, whatever it goes on with
 */
export const viaValue = (pseudonym: string, received: HttpVersion): string => `${received} ${pseudonym}`

/** The message has been through us before: our pseudonym is the received-by of some `Via` member (F1, status 508). */
export function hasVia(fields: Fields, pseudonym: string): boolean {
  const values = fieldValues(fields, 'via')
  return values.length > 0 && values.some(value => receivedBy(value).includes(pseudonym.toLowerCase()))
}

/**
 * The received-by of each member, in lower case. A comment may hold commas, nested comments and our own name
 * without meaning us, so comments are skipped, not searched.
 */
function receivedBy(value: string): string[] {
  return withoutComments(value)
    .split(',')
    .map(member => (/[ \t]([^ \t]+)/.exec(member.trim())?.[1] ?? '').toLowerCase())
}

function withoutComments(value: string): string {
  let depth = 0
  let bare = ''
  for (let i = 0; i < value.length; i++) {
    const char = value[i]
    if (char === '\\' && depth > 0) i++
    else if (char === '(') depth++
    else if (char === ')' && depth > 0) depth--
    else if (depth === 0) bare += char
  }
  return bare
}
