import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { jwtVerify } from 'jose'
// @ts-expect-error: it comes without types; what is used of it is declared below
import oidcProvider from 'oidc-provider'
import type { Test } from 'tap'
import { SECRET } from './oidc-client.js'

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

type Payload = Readonly<Record<string, unknown>> & { readonly grantId?: string; readonly userCode?: string }
type Kept = { readonly payload: Payload; consumed?: number; parent?: string | undefined }
type Model = { save: () => Promise<string> } & Record<string, unknown>
type Context = {
  body: unknown
  readonly oidc: { readonly params: Record<string, string>; readonly client: { clientId: string } }
}
type Provider = {
  readonly callback: () => (request: IncomingMessage, response: ServerResponse) => void
  readonly registerGrantType: (name: string, handler: (ctx: Context) => Promise<void>, params: string[]) => void
  readonly on: (event: string, listener: (ctx: unknown, error: Error) => void) => void
  readonly Client: { find: (id: string) => Promise<unknown> }
  readonly Grant: new (fields: Payload) => Model & { addOIDCScope: (scope: string) => void }
  readonly RefreshToken: new (fields: Payload) => Model
  readonly ClientCredentials: new (fields: Payload) => Model & { readonly expiration: number }
  readonly DeviceCode: {
    findByUserCode: (code: string) => Promise<(Model & { readonly params: { readonly scope: string } }) | undefined>
  }
}

export type Oidc = {
  readonly token_url: string
  readonly device_url: string
  /** Requests to the token endpoint so far. */
  readonly calls: () => number
  /** A refresh token, as a login long ago gave it. */
  readonly refreshToken: (clientId?: string) => Promise<string>
  /** The last refresh token that was issued. */
  readonly latest: () => string | undefined
  /** What the user does in the browser; resolves when the server knows. */
  readonly answerDevice: (userCode: string, say: 'yes' | 'no') => Promise<void>
}

export type OidcOptions = {
  /** Who rotates: the last token is taken again until its successor was used. Otherwise at most once, as RFC 9700 has it. */
  readonly grace?: boolean
  readonly rotate?: boolean
  /** Of the `jwt-bearer` client. */
  readonly assertionKey?: KeyObject
  /** The token endpoint is asked. @returns the request is lost on its way */
  readonly onAsk?: () => boolean
  /** A refresh token was used up; its successor is about to be made. */
  readonly onRotate?: () => void
  /** The token endpoint's answer is with the system. */
  readonly onAnswer?: () => void
}

const GRANTS = ['client_credentials', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code']

const client = (
  grants: readonly string[],
  id: string,
  method: 'client_secret_basic' | 'client_secret_post' | 'none',
) => ({
  client_id: id,
  ...(method === 'none' ? {} : { client_secret: SECRET }),
  token_endpoint_auth_method: method,
  grant_types: grants,
  id_token_signed_response_alg: 'ES256',
  redirect_uris: [],
  response_types: [],
  scope: 'openid offline_access',
})

/** An OAuth server of npm (`oidc-provider`) with a store of its own, gone when the test is over. */
export async function startOidc(t: Test, options: OidcOptions = {}): Promise<Oidc> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const store = new Store(options)
  const provider = makeProvider(issuer, store, options)
  const handle = provider.callback()
  let calls = 0
  server.on('request', (request, response) => {
    if (request.url === '/token') {
      calls++
      if (options.onAsk?.() === true) return void request.socket.destroy()
      response.on('finish', () => options.onAnswer?.())
    }
    handle(request, response)
  })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const grantFor = async (clientId: string): Promise<string> => {
    const grant = new provider.Grant({ accountId: 'ann', clientId })
    grant.addOIDCScope('openid offline_access')
    return grant.save()
  }
  return {
    token_url: `${issuer}/token`,
    device_url: `${issuer}/device/auth`,
    calls: () => calls,
    latest: () => store.latest,
    refreshToken: async (clientId = 'worker') => {
      const fields = { accountId: 'ann', gty: 'device_code', rotations: 0, scope: 'openid offline_access' }
      const grantId = await grantFor(clientId)
      return new provider.RefreshToken({ ...fields, grantId, client: await provider.Client.find(clientId) }).save()
    },
    answerDevice: async (userCode, say) => {
      const code = await provider.DeviceCode.findByUserCode(userCode.replaceAll('-', ''))
      if (code === undefined) throw new Error(`no device waits with ${userCode}`)
      if (say === 'no') Object.assign(code, { error: 'access_denied', errorDescription: 'no' })
      else {
        const grantId = await grantFor('device-app')
        Object.assign(code, { accountId: 'ann', grantId, scope: code.params.scope, authTime: 1 })
      }
      await code.save()
    },
  }
}

function makeProvider(issuer: string, store: Store, { rotate = true, assertionKey }: OidcOptions): Provider {
  const Provider = oidcProvider as new (issuer: string, configuration: object) => Provider
  const grants = assertionKey === undefined ? GRANTS : [...GRANTS, JWT_BEARER]
  const provider = new Provider(issuer, {
    adapter: (model: string) => store.adapter(model),
    clients: [
      client(grants, 'worker', 'client_secret_basic'),
      client(grants, 'post-app', 'client_secret_post'),
      client(grants, 'device-app', 'none'),
    ],
    clientBasedCORS: () => false,
    features: {
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      devInteractions: { enabled: false },
    },
    findAccount: (_ctx: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    jwks: { keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })] },
    rotateRefreshToken: rotate,
    scopes: ['openid', 'offline_access'],
    ttl: {
      AccessToken: 600,
      ClientCredentials: 600,
      DeviceCode: 600,
      Grant: 86_400,
      IdToken: 600,
      RefreshToken: 86_400,
    },
  })
  if (assertionKey !== undefined) addJwtBearer(provider, issuer, assertionKey)
  return provider
}

/** RFC 7523 §3, which the package leaves to its users. */
function addJwtBearer(provider: Provider, issuer: string, key: KeyObject): void {
  const used = new Set<unknown>()
  const handler = async (ctx: Context) => {
    const wanted = { issuer: 'robot', audience: `${issuer}/token`, requiredClaims: ['sub', 'exp', 'jti'] }
    const verified = await jwtVerify(ctx.oidc.params['assertion'] ?? '', key, wanted).catch(() => undefined)
    const jti = verified?.payload.jti
    if (verified === undefined || used.has(jti)) {
      throw Object.assign(new Error('invalid_grant'), {
        status: 400,
        statusCode: 400,
        expose: true,
        error: 'invalid_grant',
      })
    }
    used.add(jti)
    const token = new provider.ClientCredentials({ client: ctx.oidc.client })
    ctx.body = { access_token: await token.save(), token_type: 'Bearer', expires_in: token.expiration }
  }
  provider.registerGrantType(JWT_BEARER, handler, ['assertion', 'scope'])
}

/** Everything the server remembers. */
class Store {
  readonly #kept = new Map<string, Kept>()
  readonly #options: OidcOptions
  /** By grant, the refresh token that was used last. */
  readonly #usedLast = new Map<string, string>()
  latest: string | undefined

  constructor(options: OidcOptions) {
    this.#options = options
  }

  adapter(model: string) {
    const key = (id: string) => `${model}:${id}`
    const by = (field: string, value: string) => {
      const found = [...this.#kept].find(([name, { payload }]) => name.startsWith(key('')) && payload[field] === value)
      return this.#found(found?.[1])
    }
    return {
      find: async (id: string) => this.#found(this.#kept.get(key(id))),
      findByUid: async (uid: string) => by('uid', uid),
      findByUserCode: async (code: string) => by('userCode', code),
      destroy: async (id: string) => void this.#kept.delete(key(id)),
      consume: async (id: string) => this.#consume(model, id),
      revokeByGrantId: async (grantId: string) => {
        for (const [name, { payload }] of this.#kept) if (payload.grantId === grantId) this.#kept.delete(name)
      },
      upsert: async (id: string, payload: Payload) => {
        const isRefresh = model === 'RefreshToken'
        this.#kept.set(key(id), { payload, parent: isRefresh ? this.#usedLast.get(payload.grantId ?? '') : undefined })
        if (isRefresh) this.latest = id
      },
    }
  }

  #found(kept: Kept | undefined): Payload | undefined {
    return kept && (kept.consumed === undefined ? kept.payload : { ...kept.payload, consumed: kept.consumed })
  }

  #consume(model: string, id: string): void {
    const kept = this.#kept.get(`${model}:${id}`)
    if (kept === undefined) return
    if (model !== 'RefreshToken' || this.#options.grace !== true) kept.consumed = 1
    if (model !== 'RefreshToken') return
    // The one that is used now was received: from here on its parent is a stolen one.
    const parent = this.#kept.get(`${model}:${kept.parent}`)
    if (parent !== undefined) parent.consumed = 1
    this.#usedLast.set(kept.payload.grantId ?? '', id)
    this.#options.onRotate?.()
  }
}
