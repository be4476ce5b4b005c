import { answerFields } from '../http/hop-by-hop.js'
import type { ResponseHead } from './events.js'
import { fieldLines } from './serialize.js'

/** A final answer's head as it goes to the client, one latin1 string; framing fields are the caller's. */
export function answerHead(status: number, reason: string, fields: readonly string[]): string {
  return `HTTP/1.1 ${status} ${reason}\r\n${fieldLines(fields)}\r\n`
}

/** A 1xx answer passed on (RFC 9110 §15.2). @param via the value of our own `Via` line. */
export function informationalHead(head: ResponseHead, via: string): string {
  return answerHead(head.status, head.reason, answerFields(head.fields, via))
}
