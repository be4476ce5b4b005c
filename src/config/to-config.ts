import type { Config, ProxySettings, Route } from './config.js'
import { absolutePath, defaultState, type Env } from './default-config.js'
import type { ConfigFile, RouteFile } from './schema.js'
import { toCredential, toReference } from './to-credential.js'

/** The effective configuration of a validated file. @param folder what its relative paths are relative to. */
export function toConfig(file: ConfigFile, folder: string, env: Env): Config {
  const { listen, egress, log, intercept, shutdown, limits } = file
  const path = (text: string) => absolutePath(text, folder, env)
  return {
    listen: {
      proxy: listen.proxy,
      admin: listen.admin,
      mounts: listen.mounts,
      auth: listen.auth && {
        username: toReference(listen.auth.username, path),
        password: toReference(listen.auth.password, path),
      },
      allow_from: listen.allow_from,
    },
    state: file.state === undefined ? defaultState(env) : path(file.state),
    log,
    intercept,
    egress: {
      proxy: egress.proxy && proxySettings(egress.proxy, path),
      no_proxy: egress.no_proxy,
      ca_file: egress.ca_file === undefined ? undefined : path(egress.ca_file),
      h2: egress.h2,
      unmatched: egress.unmatched,
      deny: egress.deny,
    },
    shutdown,
    limits,
    credentials: Object.fromEntries(
      Object.entries(file.credentials).map(([name, credential]) => [name, toCredential(credential, path)]),
    ),
    routes: file.routes.map(route => toRoute(route, limits.queue)),
  }
}

function proxySettings(proxy: ProxySettings, path: (text: string) => string): ProxySettings {
  if (proxy === 'env' || proxy.auth === undefined) return proxy
  const { username, password } = proxy.auth
  return {
    ...proxy,
    auth: { username: toReference(username, path), password: password && toReference(password, path) },
  }
}

function toRoute(route: RouteFile, queue: number): Route {
  const { scheme, host, port, path, methods } = route.match
  return {
    name: route.name,
    match: { scheme, host, port, path, methods },
    upstream: route.upstream,
    mount: route.mount,
    preset: route.preset,
    tls: route.tls,
    timeout: route.timeout,
    retry: route.retry && { ...route.retry, attempt_header: route.retry.attempt_header },
    cooldown: route.cooldown && { on: route.cooldown.on, queue: route.cooldown.queue ?? queue },
    breaker: route.breaker,
    body: route.body,
    credential: route.credential,
  }
}
