import { mayCarry } from '../http/cleartext.js'
import type { Config, Route, SecretRef } from './config.js'
import type { CredentialSettings } from './credential.js'
import { errorAt, type Finding, warningAt } from './findings.js'
import { formatListenAddress, isLocal } from './listen-address.js'

/** Whether tokens go where they belong (T5), and what is doubtful about them. */
export function checkCredentials(config: Config): Finding[] {
  const secrets = Object.entries(config.credentials).flatMap(([name, settings]) => checkSecrets(name, settings))
  const routes = config.routes.flatMap((route, index) => {
    const settings = credentialOf(route, config)
    const at = ['routes', index, 'credential']
    return settings === undefined
      ? []
      : [...checkReach(route, settings, at), ...checkClients(route, config, at), ...checkTunnels(route, config, at)]
  })
  return [...secrets, ...routes]
}

/** The routes whose credential cannot go with a plain `http://` request, although they take some. */
export function cleartextRoutes(config: Config): readonly Route[] {
  return config.routes.filter(route => {
    const settings = credentialOf(route, config)
    if (settings === undefined || route.upstream !== undefined || route.match.scheme !== undefined) return false
    return !mayCarry({ scheme: 'http', host: route.match.host, direct: true }, settings.allow_cleartext)
  })
}

/** An unknown name is a finding of its own. */
const credentialOf = ({ credential }: Route, { credentials }: Config): CredentialSettings | undefined =>
  credential !== undefined && Object.hasOwn(credentials, credential) ? credentials[credential] : undefined

/** A token is for one origin. */
function checkReach({ match, upstream }: Route, settings: CredentialSettings, at: PropertyKey[]): Finding[] {
  const host = upstream?.host ?? match.host
  if (host === '*') {
    const message = 'the token would go to any host (match.host is *); name the host there, or set upstream'
    return [errorAt(at, message)]
  }
  const scheme = upstream?.scheme ?? match.scheme
  if (scheme === 'http' && !mayCarry({ scheme, host, direct: true }, settings.allow_cleartext)) {
    const message = `goes to ${host} by plain http only, where a token is not sent; use https (upstream: https://…), or set allow_cleartext`
    return [errorAt(at, message)]
  }
  return host.startsWith('*.') ? [warningAt(at, `the token goes to every host below ${host.slice(2)}`)] : []
}

/** Whoever can connect can use the token, unless a password stands before it. */
function checkClients({ mount }: Route, { listen }: Config, at: PropertyKey[]): Finding[] {
  if (listen.auth !== undefined) return []
  const mounts = listen.mounts === 'same' || mount === undefined ? [] : [listen.mounts]
  const shared = [...listen.proxy, ...mounts].filter(address => !isLocal(address))
  if (shared.length === 0) return []
  const where = shared.map(formatListenAddress).join(', ')
  return [warningAt(at, `other machines can use this credential at ${where} without a password: set listen.auth`)]
}

/** What passes untouched gets no token. */
function checkTunnels({ tls, match, mount }: Route, { intercept }: Config, at: PropertyKey[]): Finding[] {
  const untouched = tls === 'tunnel' ? 'tls: tunnel' : intercept.mode === 'off' ? 'intercept: off' : undefined
  if (untouched === undefined || match.scheme === 'http') return []
  const but = mount === undefined ? '' : ', but for its mount'
  return [warningAt(at, `HTTPS passes untouched (${untouched}), so no token is added to it${but}`)]
}

/** A secret is a reference. */
function checkSecrets(name: string, { source }: CredentialSettings): Finding[] {
  if (!('oauth2' in source)) return []
  const { client_secret, refresh_token, jwt } = source.oauth2
  const at = (...keys: string[]) => ['credentials', name, 'source', 'oauth2', ...keys]
  const secrets: [PropertyKey[], SecretRef | undefined][] = [
    [at('client_secret'), client_secret],
    [at('refresh_token'), refresh_token],
    [at('jwt', 'key'), jwt?.key],
  ]
  const message = 'a secret in the file itself; write {env: NAME}, {file: PATH} or {exec: [program]}'
  return secrets.flatMap(([path, secret]) =>
    secret !== undefined && 'literal' in secret ? [{ ...warningAt(path, message), masked: true }] : [],
  )
}
