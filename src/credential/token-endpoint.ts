import type { AuthorizationServer, Client, ClientAuth, TokenEndpointRequestOptions } from 'oauth4webapi'
import type { OAuth2Settings } from '../config/credential.js'
import type { Env } from '../config/default-config.js'
import { isLocal } from '../config/listen-address.js'
import { type Clock, markTime, type Random } from '../time/clock.js'
import type { Fetch } from './direct-fetch.js'
import { readSecret, shownUrl } from './oauth2-settings.js'
import { type Fetched, SourceError } from './source.js'
import { type Failed, failed, type JsonAnswer, type Refused, readAnswer, type TokenAnswer } from './token-answer.js'
import { asFetched, MOST_BYTES } from './token-text.js'

/** What asking needs of the world. */
export type OAuth2World = {
  readonly env: Env
  readonly clock: Clock
  readonly random: Random
  readonly fetch: Fetch
}

/** Parameters of a request's body. */
export type Parameters = Readonly<Record<string, string>>

type OAuth = typeof import('oauth4webapi')

/** In seconds, a thousand years: what is longer is another unit, or nonsense. */
const LONGEST_LIFE = 31_536_000_000

/** Asks the token endpoint once for a grant (RFC 6749 §4). @throws SourceError when it may not be asked, or a secret cannot be read */
export async function askForToken(
  settings: OAuth2Settings,
  world: OAuth2World,
  grantType: string,
  parameters: Parameters,
  signal: AbortSignal,
): Promise<TokenAnswer> {
  // It counts from the answer; from the question it is never too long.
  const askedAt = markTime(world.clock)
  const said = await post(settings, world, settings.token_url, signal, (oauth, server, client, auth, options) =>
    oauth.genericTokenEndpointRequest(server, client, auth, grantType, { ...parameters }, options),
  )
  return said.kind === 'json' ? understand(settings, said, askedAt()) : said
}

/** Asks the device authorization endpoint once (RFC 8628 §3.1). @throws SourceError as `askForToken` */
export function askForDevice(
  settings: OAuth2Settings,
  world: OAuth2World,
  url: string,
  parameters: Parameters,
  signal: AbortSignal,
): Promise<JsonAnswer | Refused | Failed> {
  return post(settings, world, url, signal, (oauth, server, client, auth, options) =>
    oauth.deviceAuthorizationRequest(server, client, auth, { ...parameters }, options),
  )
}

async function post(
  settings: OAuth2Settings,
  world: OAuth2World,
  url: string,
  signal: AbortSignal,
  send: (
    oauth: OAuth,
    server: AuthorizationServer,
    client: Client,
    auth: ClientAuth,
    options: TokenEndpointRequestOptions,
  ) => Promise<Response>,
): Promise<JsonAnswer | Refused | Failed> {
  const plain = mayBePlain(url)
  const auth = await authentication(settings, world.env)
  const oauth = await import('oauth4webapi')
  const options = { [oauth.customFetch]: world.fetch, [oauth.allowInsecureRequests]: plain, signal }
  try {
    const response = await send(oauth, ...names(settings), auth, options)
    const { status, headers } = response
    const heard = { status, retryAfter: headers.get('retry-after'), text: await readCapped(response) }
    return readAnswer(heard, world.clock.now())
  } catch (error) {
    if (signal.aborted) return failed('did not answer in time')
    return failed(`gave no answer (${codeOf(error)})`, true)
  }
}

/** @throws SourceError for plain http to another machine: secrets go over this (RFC 6749 §3.2) */
function mayBePlain(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  if (protocol === 'https:') return false
  if (isLocal({ kind: 'tcp', host: hostname.replace(/^\[(.*)\]$/, '$1'), port: 0 })) return true
  throw new SourceError(`${shownUrl(url)} is not https; secrets go over plain http to this machine alone`, true)
}

/** The library asks for a client's name even where there is none to send; `authentication` sends it or not. */
function names({ token_url, device_url, client_id = 'none' }: OAuth2Settings): [AuthorizationServer, Client] {
  const device = device_url === undefined ? {} : { device_authorization_endpoint: device_url }
  return [{ issuer: new URL(token_url).origin, token_endpoint: token_url, ...device }, { client_id }]
}

/** How the client says who it is (RFC 6749 §2.3.1). */
async function authentication(settings: OAuth2Settings, env: Env): Promise<ClientAuth> {
  const { client_id: id, client_secret: ref, grant } = settings
  if (id === undefined) {
    if (grant !== 'jwt_bearer') throw new SourceError(`grant ${grant} needs a client_id`, true)
    return () => undefined
  }
  const secret = ref === undefined ? '' : await readSecret(ref, env)
  const method = settings.client_auth ?? (ref === undefined ? 'none' : 'basic')
  return (_server, _client, body, headers) => {
    if (method === 'basic') return headers.set('authorization', basic(id, secret))
    body.set('client_id', id)
    if (method === 'post') body.set('client_secret', secret)
  }
}

/**
 * The library's own writes `my-client` as `my%2Dclient`: right by the letter, but servers that forget to decode it
 * know no such client. Encoded as forms are everywhere, usual names stay as they are.
 */
const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64')}`

const formEncoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

/** `undefined` when it is longer than any answer with a token. */
async function readCapped(response: Response): Promise<string | undefined> {
  const parts: Uint8Array[] = []
  let length = 0
  // Leaving the loop early ends the connection.
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > MOST_BYTES) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** RFC 6749 §5.1. */
async function understand(settings: OAuth2Settings, { json }: JsonAnswer, askedAt: number): Promise<TokenAnswer> {
  const { refresh_token: refresh } = json
  const refreshToken = typeof refresh === 'string' && refresh !== '' ? refresh : undefined
  const wrong = (why: string): Failed => ({ ...failed(why), refreshToken })
  const oauth = await import('oauth4webapi')
  try {
    // An ID token says who logged in: it is not used, and could not be verified without an issuer.
    const response = new Response(JSON.stringify({ ...json, id_token: undefined }))
    const said = await oauth.processGenericTokenEndpointResponse(...names(settings), response)
    if (said.token_type !== 'bearer') return wrong('gave a token that is no bearer token')
    const life = said.expires_in
    if (life !== undefined && !(life > 0 && life <= LONGEST_LIFE))
      return wrong('gave an expires_in that no token can have')
    return { kind: 'granted', fetched: asGiven(said.access_token, life, askedAt), refreshToken }
  } catch (error) {
    // The library's messages name what is wrong, and quote nothing of the answer.
    return wrong(
      `gave a wrong answer: ${error instanceof Error ? error.message.replace('"response" body ', '') : 'unknown'}`,
    )
  }
}

const asGiven = (token: string, life: number | undefined, askedAt: number): Fetched =>
  asFetched(token, life === undefined ? undefined : askedAt + life * 1_000, askedAt, 'it')

/** `ECONNREFUSED`, wherever the error keeps it. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  const found = [code, cause?.code].find(value => typeof value === 'string' && /^[A-Z][A-Z0-9_]+$/.test(value))
  return typeof found === 'string' ? found : 'unknown error'
}
