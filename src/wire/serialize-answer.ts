import type { Fields } from '../http/fields.js'
import { fieldLines } from './serialize.js'

/** An answer's head as it goes to the client, one latin1 string; framing fields are the caller's. */
export function answerHead(status: number, reason: string, fields: Fields): string {
  return `HTTP/1.1 ${status} ${reason}\r\n${fieldLines(fields)}\r\n`
}
