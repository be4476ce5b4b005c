import type { SecretRef } from '../config/config.js'
import type { OAuth2Settings } from '../config/credential.js'
import type { Cancel } from '../time/clock.js'
import { seconds } from '../time/units.js'
import { onFileChange } from './file-changes.js'
import { signAssertion } from './jwt-assertion.js'
import { printOf, readSecret, shownUrl, wanted } from './oauth2-settings.js'
import { askPatiently } from './patience.js'
import { RefreshSession, type SessionHome } from './refresh-session.js'
import { type Fetched, type Source, SourceError } from './source.js'
import { toSourceError } from './token-answer.js'
import { askForToken, type OAuth2World, type Parameters } from './token-endpoint.js'

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** Where changes of a file send no events. */
const LOOK_EVERY = seconds(60)

/** Tokens of an OAuth 2 server. Secrets are read for each call, and those in files are watched. */
export function oauth2Source(settings: OAuth2Settings, world: OAuth2World, home: SessionHome): Source {
  const { grant, token_url } = settings
  const isSession = grant === 'refresh_token' || grant === 'device_code'
  const session = isSession ? new RefreshSession(settings, world, home) : undefined
  const files = new SecretFiles(settings, world)
  return {
    description: `oauth2 ${grant} at ${shownUrl(token_url)}`,
    fetch: async signal => {
      try {
        await files.remember()
        return await (session?.fetch(signal) ?? fetchAnew(settings, world, signal))
      } catch (error) {
        if (error instanceof SourceError) throw error
        throw new SourceError(`${shownUrl(token_url)} could not be asked (${nameOf(error)})`, false)
      }
    },
    watch: changed => {
      const ends = [files.watch(changed), session?.watch(changed)]
      return () => {
        for (const end of ends) end?.()
      }
    },
  }
}

/** Grants that need nothing from before (RFC 6749 §4.4, RFC 7523 §2.1). */
async function fetchAnew(settings: OAuth2Settings, world: OAuth2World, signal: AbortSignal): Promise<Fetched> {
  const ask = async () => {
    const [type, parameters] = await request(settings, world)
    return askForToken(settings, world, type, parameters, signal)
  }
  const answer = await askPatiently(ask, world, signal)
  if (answer.kind === 'granted') return answer.fetched
  throw toSourceError(shownUrl(settings.token_url), answer)
}

async function request(settings: OAuth2Settings, { env, clock }: OAuth2World): Promise<[string, Parameters]> {
  const { grant, jwt, token_url } = settings
  if (grant !== 'jwt_bearer') return [grant, wanted(settings)]
  if (jwt === undefined) throw new SourceError('grant jwt_bearer needs to know what to sign: jwt', true)
  // One for each call: servers take an assertion once.
  return [JWT_BEARER, { ...wanted(settings), assertion: await signAssertion(jwt, token_url, env, clock) }]
}

/** The files with secrets of one source: a client that a server did not know may be known by a new secret. */
class SecretFiles {
  readonly #refs: readonly { readonly file: string }[]
  readonly #world: OAuth2World
  /** Fingerprint of what the last call used, or was told of since. */
  #known: string | undefined

  constructor({ client_secret, refresh_token, jwt }: OAuth2Settings, world: OAuth2World) {
    const refs: readonly (SecretRef | undefined)[] = [client_secret, refresh_token, jwt?.key]
    this.#refs = refs.flatMap(ref => (ref !== undefined && 'file' in ref ? [ref] : []))
    this.#world = world
  }

  async remember(): Promise<void> {
    if (this.#refs.length > 0) this.#known = await this.#print().catch(() => 'unreadable')
  }

  watch(changed: () => void): Cancel {
    let ended = false
    const look = () => {
      this.#print().then(now => {
        // Before the first call nothing is old.
        if (ended || this.#known === undefined || this.#known === now) return
        this.#known = now
        changed()
      }, ignore)
    }
    const ends = this.#refs.map(({ file }) => onFileChange(file, this.#world.clock, LOOK_EVERY, look))
    return () => {
      ended = true
      for (const end of ends) end()
    }
  }

  /** @throws SourceError */
  async #print(): Promise<string> {
    return printOf(await Promise.all(this.#refs.map(ref => readSecret(ref, this.#world.env))))
  }
}

const ignore = () => undefined

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error)
