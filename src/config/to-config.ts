import type { Config, OtlpSettings, ProxySettings, Route, StoreSettings } from './config.js'
import { absolutePath, defaultState, type Env } from './default-config.js'
import type { ConfigFile, RouteFile } from './schema.js'
import { toCredential, toReference } from './to-credential.js'
import { toPayment, toWallet } from './to-wallet.js'
import type { WalletSettings } from './wallet.js'

type Wallets = Readonly<Record<string, WalletSettings>>

/** The effective configuration of a validated file. @param folder what its relative paths are relative to. */
export function toConfig(file: ConfigFile, folder: string, env: Env): Config {
  const { listen, egress, log, intercept, shutdown, limits } = file
  const path = (text: string) => absolutePath(text, folder, env)
  const wallets = Object.fromEntries(
    Object.entries(file.wallets).map(([name, wallet]) => [name, toWallet(wallet, path)]),
  )
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
      fast_lane: listen.fast_lane,
    },
    state: file.state === undefined ? defaultState(env) : path(file.state),
    store: storeSettings(file.store, path),
    workers: file.workers,
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
    telemetry: { otlp: file.telemetry.otlp && otlpSettings(file.telemetry.otlp, path) },
    credentials: Object.fromEntries(
      Object.entries(file.credentials).map(([name, credential]) => [name, toCredential(credential, path)]),
    ),
    wallets,
    routes: file.routes.map(route => toRoute(route, limits.queue, wallets)),
  }
}

function storeSettings(store: StoreSettings, path: (text: string) => string): StoreSettings {
  if (store.kind !== 'redis') return store
  const { username, password } = store
  return {
    ...store,
    username: username && toReference(username, path),
    password: password && toReference(password, path),
  }
}

function otlpSettings(otlp: OtlpSettings, path: (text: string) => string): OtlpSettings {
  const headers = Object.entries(otlp.headers).map(([name, secret]) => [name, toReference(secret, path)])
  return { ...otlp, headers: Object.fromEntries(headers) }
}

function proxySettings(proxy: ProxySettings, path: (text: string) => string): ProxySettings {
  if (proxy === 'env' || proxy.auth === undefined) return proxy
  const { username, password } = proxy.auth
  return {
    ...proxy,
    auth: { username: toReference(username, path), password: password && toReference(password, path) },
  }
}

function toRoute(route: RouteFile, queue: number, wallets: Wallets): Route {
  const { scheme, host, port, path, methods } = route.match
  return {
    name: route.name,
    match: { scheme, host, port, path, methods },
    upstream: route.upstream,
    mount: route.mount,
    preset: route.preset,
    tls: route.tls,
    timeout: route.timeout,
    retry: toRetry(route),
    cooldown: route.cooldown && { on: route.cooldown.on, queue: route.cooldown.queue ?? queue },
    breaker: route.breaker,
    body: route.body,
    credential: route.credential,
    payment: paymentOf(route, wallets),
    idempotency: route.idempotency,
    classify: route.classify,
  }
}

/** An unknown wallet is a finding, and pays nothing. */
function paymentOf({ payment }: RouteFile, wallets: Wallets): Route['payment'] {
  const wallet = payment && Object.hasOwn(wallets, payment.wallet) ? wallets[payment.wallet] : undefined
  return payment && wallet && toPayment(payment, wallet)
}

/** Who says that the upstream honours keys wants them used. */
function toRetry({ retry, idempotency }: RouteFile): Route['retry'] {
  if (retry === undefined) return undefined
  const isKeyed = idempotency !== undefined && idempotency.upstream !== 'none'
  const non_idempotent = retry.non_idempotent ?? (isKeyed ? 'keyed' : 'never')
  return { ...retry, non_idempotent, attempt_header: retry.attempt_header }
}
