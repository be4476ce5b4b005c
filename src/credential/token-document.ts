import { parseObject } from '../json/read.js'
import { type Fetched, SourceError } from './source.js'
import { asFetched, earlier } from './token-text.js'

type Document = Readonly<Record<string, unknown>>

/** In the order in which they count. `accessToken` is what the Azure CLI prints, `id_token` what Google's format says. */
const TOKEN_KEYS = ['access_token', 'accessToken', 'token', 'id_token']
/** A point in time; each is what one of AWS, Azure, Google and the OAuth libraries says. */
const INSTANT_KEYS = ['expires_at', 'expires_on', 'expiration', 'expiration_time', 'expiry']

const EXEC_CREDENTIAL = /^client\.authentication\.k8s\.io\/v1(?:beta1)?$/
/** RFC 3339 §5.6; without an offset it would be read in the zone of this machine. */
const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/
const DECIMAL = /^\d+(?:\.\d+)?$/
/** A number above this is milliseconds: as seconds it would be the year 5138. */
const MOST_SECONDS = 1e11

/**
 * A token in a JSON object, such as an RFC 6749 §5.1 answer or what the tools of the clouds print.
 * @param askedAt Unix milliseconds: `expires_in` counts from the question, so it is never too long
 * @throws SourceError when there is no token in it, or an expiry that cannot be understood
 */
export function readTokenDocument(text: string, askedAt: number, origin: string): Fetched {
  const document = parseObject(text)
  if (document === undefined) throw new SourceError(`${origin} gave something that is no JSON object`, false)
  if (document['success'] === false) throw new SourceError(`${origin} said that it had no success`, false)
  const key = TOKEN_KEYS.find(name => document[name] !== undefined)
  if (key === undefined) throw new SourceError(`${origin} gave a JSON object without ${TOKEN_KEYS.join(', ')}`, false)
  return asFetched(textAt(document, key, origin), expiryOf(document, askedAt, origin), askedAt, origin)
}

/** A Kubernetes `ExecCredential` of client.authentication.k8s.io/v1 or v1beta1. @throws SourceError for anything else */
export function readExecCredential(text: string, askedAt: number, origin: string): Fetched {
  const document = parseObject(text)
  const { kind, apiVersion, status } = document ?? {}
  if (kind !== 'ExecCredential') throw new SourceError(`${origin} gave something that is no ExecCredential`, false)
  if (typeof apiVersion !== 'string' || !EXEC_CREDENTIAL.test(apiVersion)) {
    throw new SourceError(`${origin} gave an ExecCredential of another version than v1 and v1beta1`, false)
  }
  const said = typeof status === 'object' && status !== null ? (status as Document) : {}
  if (said['token'] === undefined) {
    const held = said['clientCertificateData'] === undefined ? 'no token' : 'a client certificate instead of a token'
    throw new SourceError(`${origin} gave an ExecCredential with ${held}`, false)
  }
  const key = 'expirationTimestamp'
  const expiresAt = said[key] === undefined ? undefined : instantAt(said, key, origin)
  return asFetched(textAt(said, 'token', origin), expiresAt, askedAt, origin)
}

function expiryOf(document: Document, askedAt: number, origin: string): number | undefined {
  const spanned = isSaid(document['expires_in']) ? askedAt + spanAt(document, 'expires_in', origin) : undefined
  const instant = INSTANT_KEYS.find(name => isSaid(document[name]))
  return earlier(spanned, instant === undefined ? undefined : instantAt(document, instant, origin))
}

/** Some libraries write out a field that they do not know. */
const isSaid = (value: unknown): boolean => value !== undefined && value !== null && value !== ''

function textAt(document: Document, key: string, origin: string): string {
  const value = document[key]
  if (typeof value === 'string') return value
  throw new SourceError(`${origin} gave a "${key}" that is no text`, false)
}

/** Milliseconds from a number of seconds, or its digits as a string. */
function spanAt(document: Document, key: string, origin: string): number {
  const span = decimal(document[key]) * 1_000
  if (span > 0 && Number.isFinite(span)) return span
  throw new SourceError(`${origin} gave an "${key}" that is no number of seconds above 0`, false)
}

/** Unix milliseconds from an RFC 3339 time or a Unix time. */
function instantAt(document: Document, key: string, origin: string): number {
  const value = document[key]
  const number = decimal(value)
  if (number > 0 && Number.isFinite(number)) return number > MOST_SECONDS ? number : number * 1_000
  const at = typeof value === 'string' && DATE_TIME.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isFinite(at)) return at
  throw new SourceError(`${origin} gave an "${key}" that is no Unix time and no RFC 3339 time`, false)
}

function decimal(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'string' && DECIMAL.test(value) ? Number(value) : Number.NaN
}
