import type { Test } from 'tap'
import type { OAuth2Settings } from '../../src/config/credential.js'
import { directFetch } from '../../src/credential/direct-fetch.js'
import type { SessionHome } from '../../src/credential/refresh-session.js'
import type { OAuth2World } from '../../src/credential/token-endpoint.js'
import { systemClock } from '../../src/time/clock.js'
import { shortDir } from './short-dir.js'

/** Long enough for a slow machine. */
export const soon = (): AbortSignal => AbortSignal.timeout(20_000)

export type OAuth2Change = Partial<OAuth2Settings>

/** A complete block: `client_credentials` for `worker`, without a secret, but for what the test says. */
export function oauth2Settings({
  token_url,
  ...change
}: OAuth2Change & { readonly token_url: string }): OAuth2Settings {
  return {
    grant: 'client_credentials',
    token_url,
    device_url: undefined,
    client_id: 'worker',
    client_secret: undefined,
    client_auth: undefined,
    refresh_token: undefined,
    scope: undefined,
    audience: undefined,
    params: {},
    jwt: undefined,
    ...change,
  }
}

export function oauth2World(change: Partial<OAuth2World> = {}): OAuth2World {
  return { env: {}, clock: systemClock, random: () => 0, fetch: directFetch(undefined), ...change }
}

export type TestHome = SessionHome & { readonly warnings: string[] }

/** A state directory of the test's own. */
export function sessionHome(t: Test, state = shortDir(t), name = 'vendor'): TestHome {
  const warnings: string[] = []
  return { state, name, warnings, warn: what => warnings.push(what) }
}
