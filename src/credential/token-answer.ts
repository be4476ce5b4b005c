import { parseRetryAfter } from '../http/retry-after.js'
import { parseObject } from '../json/read.js'
import type { Millis } from '../time/units.js'
import { type Fetched, SourceError } from './source.js'

/** What came of asking a token endpoint once. */
export type TokenAnswer = Granted | Refused | Failed

type Granted = { readonly kind: 'granted'; readonly fetched: Fetched; readonly refreshToken: string | undefined }

/** The server says no, with a code of RFC 6749 §5.2, RFC 8628 §3.5 or its own. */
export type Refused = { readonly kind: 'refused'; readonly code: string }

/** There is no usable answer. */
export type Failed = {
  readonly kind: 'failed'
  readonly why: string
  /** Asking again at once may help (TR-04). */
  readonly again: boolean
  readonly retryAfter?: Millis | undefined
  /** The answer had one all the same: it may be the only one left that is good. */
  readonly refreshToken?: string | undefined
}

/** An answer as it was heard; `text` is undefined when it is too long to be one. */
export type Heard = { readonly status: number; readonly retryAfter: string | null; readonly text: string | undefined }

export type JsonAnswer = { readonly kind: 'json'; readonly json: Readonly<Record<string, unknown>> }

/** No client, or no session, that this server knows (TR-05): asking again changes nothing. */
const PERMANENT: ReadonlySet<string> = new Set(['invalid_grant', 'invalid_client', 'unauthorized_client'])

/** The form of every registered code. Others are not repeated: who knows what a server put there (T8). */
const CODE = /^[a-z]{2,20}(?:_[a-z]{1,20}){0,4}$/

export const failed = (why: string, again = false, retryAfter?: Millis): Failed => ({
  kind: 'failed',
  why,
  again,
  retryAfter,
})

/** Reads an answer up to its JSON; what the JSON means is not looked at. @param now Unix milliseconds */
export function readAnswer({ status, retryAfter, text }: Heard, now: number): JsonAnswer | Refused | Failed {
  const hint = retryAfter === null ? undefined : parseRetryAfter(retryAfter, now)
  if (status >= 300 && status < 400) return failed(`redirects (status ${status}), which is not followed`)
  if (status >= 500 || status === 408 || status === 429) return failed(`answered with status ${status}`, true, hint)
  if (text === undefined) return failed('answered with more than 64 KiB')
  const json = parseObject(text)
  // With status 200 as well: GitHub says no that way.
  if (typeof json?.['error'] === 'string' && json['access_token'] === undefined) return refused(json['error'])
  if (status !== 200) return failed(`answered with status ${status} and without an OAuth error`)
  if (json !== undefined) return { kind: 'json', json }
  if (text.trim() === '') return failed('answered with an empty body', true)
  return failed(`answered with ${/^\s*</.test(text) ? 'HTML' : 'something else'} in place of a JSON object`, true)
}

const refused = (code: string): Refused => ({ kind: 'refused', code: CODE.test(code) ? code : 'an unknown error' })

/** Why there is no token. @param endpoint as messages name it */
export function toSourceError(endpoint: string, answer: Refused | Failed): SourceError {
  if (answer.kind === 'failed') return new SourceError(`${endpoint} ${answer.why}`, false, answer.retryAfter)
  return new SourceError(`${endpoint} says no: ${answer.code}`, PERMANENT.has(answer.code))
}
