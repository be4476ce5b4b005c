import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { millis, seconds } from '../time/units.js'
import type { Config, Route } from './config.js'

export type Env = Readonly<Record<string, string | undefined>>

/**
 * What runs without a file: one route for everything, safe repeats only. Written out so that starting without a
 * configuration loads neither the YAML parser nor the schema; a test holds it equal to the schema's defaults.
 */
export function defaultConfig(env: Env): Config {
  return {
    listen: {
      proxy: [{ kind: 'tcp', host: '127.0.0.1', port: 8402 }],
      admin: { kind: 'tcp', host: '127.0.0.1', port: 8403 },
      mounts: 'same',
      auth: undefined,
      allow_from: [],
      fast_lane: true,
    },
    state: defaultState(env),
    store: { kind: 'embedded' },
    workers: 1,
    log: { level: 'info', format: 'auto', redact: [] },
    intercept: { mode: 'routes', h2: true },
    egress: { proxy: undefined, no_proxy: [], ca_file: undefined, h2: true, unmatched: 'pass', deny: [] },
    shutdown: { drain: seconds(30) },
    limits: {
      connections: 10_000,
      header_bytes: 65_536,
      body_memory_total: 67_108_864,
      queue: 256,
      event_loop_lag: millis(1_000),
    },
    telemetry: { otlp: undefined },
    credentials: {},
    wallets: {},
    routes: [EVERYTHING],
  }
}

const EVERYTHING: Route = {
  name: 'all',
  match: { scheme: undefined, host: '*', port: undefined, path: undefined, methods: undefined },
  upstream: undefined,
  mount: undefined,
  preset: undefined,
  tls: 'auto',
  timeout: { total: seconds(60), per_try: seconds(30), connect: seconds(5), idle: seconds(60) },
  retry: {
    attempts: 3,
    statuses: [408, 425, 429, 500, 502, 503, 504],
    network: true,
    non_idempotent: 'never',
    backoff: { base: millis(250), cap: seconds(8) },
    retry_after: { max: seconds(60), when_longer: 'return' },
    budget: { ratio: 0.2, min_per_second: 1 },
    tell_client: true,
    attempt_header: undefined,
    reset_headers: [],
  },
  cooldown: { on: [429, 503], queue: 256 },
  breaker: { failures: 5, ratio: 0.5, min_requests: 20, window: seconds(10), open: seconds(5) },
  body: { memory: 1_048_576, spill: 33_554_432 },
  credential: undefined,
  payment: undefined,
  idempotency: undefined,
  classify: [],
}

/** `$XDG_STATE_HOME/mulligan`, else `~/.local/state/mulligan`. The variable counts only when absolute (XDG Base Directory). */
export function defaultState(env: Env): string {
  const base = env['XDG_STATE_HOME']
  return join(base?.startsWith('/') ? base : join(home(env), '.local', 'state'), 'mulligan')
}

/** A path of the file or the command line, `~` expanded, made absolute from a folder. */
export function absolutePath(path: string, folder: string, env: Env): string {
  if (path === '~') return home(env)
  return path.startsWith('~/') ? join(home(env), path.slice(2)) : resolve(folder, path)
}

const home = (env: Env): string => env['HOME'] || homedir()
