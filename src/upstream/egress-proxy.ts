import type { Config, ProxySettings } from '../config/config.js'
import type { Env } from '../config/default-config.js'
import { bareProblem, ConfigError } from '../config/problems.js'
import { parseProxyUrl } from '../config/proxy-url.js'
import { secretReader } from '../config/secret.js'
import { isWrong } from '../config/wrong.js'
import { matchesNoProxy, type NoProxyRule, parseNoProxy, splitNoProxy } from '../http/no-proxy.js'

/** A proxy that requests go on through. */
export type ProxyHop = {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** The value of `Proxy-Authorization` for this hop. */
  readonly authorization: string | undefined
}

/** Which way leads where, settled when the configuration is read. */
export type EgressProxy = {
  /** The next hop to an upstream; `undefined`: straight. The same object for as long as the settings hold. */
  readonly hopFor: (scheme: 'http' | 'https', host: string, port: number) => ProxyHop | undefined
}

/** No next hop for anything. */
export const STRAIGHT: EgressProxy = { hopFor: () => undefined }

/**
 * The next hops of a configuration. Only `proxy: env` looks at the proxy variables: a daemon that obeyed them unasked
 * could be sent to itself by its own `mulligan env`.
 * @throws SecretError, or ConfigError that names the variable
 */
export async function readEgressProxy(
  { proxy, no_proxy }: Pick<Config['egress'], 'proxy' | 'no_proxy'>,
  env: Env,
): Promise<EgressProxy> {
  if (proxy === undefined) return STRAIGHT
  const fromEnv = proxy === 'env'
  const entries = fromEnv ? [...no_proxy, ...splitNoProxy(variable('NO_PROXY', env)?.value ?? '')] : no_proxy
  // What others make of an entry that we cannot read is not known; it frees nothing from the proxy.
  const rules = entries.map(parseNoProxy).filter(rule => rule !== undefined)
  if (!fromEnv) {
    const hop = await namedHop(proxy, env)
    return chooser(rules, hop, hop)
  }
  const http = envHop('HTTP_PROXY', env) ?? envHop('ALL_PROXY', env)
  const https = envHop('HTTPS_PROXY', env) ?? envHop('ALL_PROXY', env)
  return http === undefined && https === undefined ? STRAIGHT : chooser(rules, http, https)
}

const chooser = (
  rules: readonly NoProxyRule[],
  http: ProxyHop | undefined,
  https: ProxyHop | undefined,
): EgressProxy => ({
  hopFor: (scheme, host, port) => (matchesNoProxy(rules, host, port) ? undefined : scheme === 'http' ? http : https),
})

async function namedHop(proxy: Exclude<ProxySettings, 'env'>, env: Env): Promise<ProxyHop> {
  const { scheme, host, port, auth } = proxy
  const username = auth && (await secretReader(auth.username, env)())
  const password = auth?.password && (await secretReader(auth.password, env)())
  return { scheme, host, port, authorization: basic(username, password) }
}

function envHop(name: string, env: Env): ProxyHop | undefined {
  const found = variable(name, env)
  if (found === undefined) return undefined
  // Elsewhere the scheme may be left out.
  const url = parseProxyUrl(found.value.includes('://') ? found.value : `http://${found.value}`)
  if (isWrong(url)) throw new ConfigError([bareProblem(found.name, url.wrong)])
  const { scheme, host, port, username, password } = url
  return { scheme, host, port, authorization: basic(username ?? (password && ''), password) }
}

/** The lower-case name wins, as in curl and Go; an empty variable is none. */
function variable(name: string, env: Env): { readonly name: string; readonly value: string } | undefined {
  for (const spelling of [name.toLowerCase(), name]) {
    const value = env[spelling]?.trim()
    if (value) return { name: spelling, value }
  }
  return undefined
}

/** RFC 7617 §2. */
const basic = (username: string | undefined, password: string | undefined): string | undefined =>
  username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
