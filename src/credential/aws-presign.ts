import { createHash, createHmac } from 'node:crypto'

export type AwsKeys = {
  readonly id: string
  readonly secret: string
  /** Of a role; part of the signed query. */
  readonly session: string
}

export type PresignRequest = {
  readonly method: 'GET' | 'POST'
  readonly host: string
  readonly query: Readonly<Record<string, string>>
  /** Signed beside `host`, by lower-case name; whoever takes the URL has to send them. */
  readonly headers: Readonly<Record<string, string>>
  readonly service: string
  readonly region: string
  /** Seconds. */
  readonly expires: number
}

const ALGORITHM = 'AWS4-HMAC-SHA256'
/** A presigned request has no body. */
const EMPTY_HASH = createHash('sha256').update('').digest('hex')

/**
 * A URL that carries its own signature: AWS Signature Version 4 in the query, for the path `/`. Nothing is sent.
 * @param now Unix milliseconds: the signature is good from then on
 */
export function presign(request: PresignRequest, keys: AwsKeys, now: number): string {
  const { method, host, service, region } = request
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')
  const day = time.slice(0, 8)
  const scope = `${day}/${region}/${service}/aws4_request`
  const headers = sorted({ host, ...request.headers })
  const signedHeaders = headers.map(([name]) => name).join(';')
  const query = {
    ...request.query,
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': `${keys.id}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(request.expires),
    'X-Amz-Security-Token': keys.session,
    'X-Amz-SignedHeaders': signedHeaders,
  }
  const lines = headers.map(([name, value]) => `${name}:${value}\n`).join('')
  const canonical = [method, '/', encode(query), lines, signedHeaders, EMPTY_HASH].join('\n')
  const text = [ALGORITHM, time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${keys.secret}`)
  return `https://${host}/?${encode({ ...query, 'X-Amz-Signature': hmac(key, text).toString('hex') })}`
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

const sorted = (record: Readonly<Record<string, string>>): [string, string][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))

const encode = (query: Readonly<Record<string, string>>): string =>
  sorted(query)
    .map(([name, value]) => `${escapeUri(name)}=${escapeUri(value)}`)
    .join('&')

/** All but the unreserved characters of RFC 3986 §2.3. */
const escapeUri = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
