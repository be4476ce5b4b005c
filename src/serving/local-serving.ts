import type { Config } from '../config/config.js'
import { packageVersion } from '../config/package-root.js'
import type { CredentialStatus } from '../credential/credentials.js'
import type { ExchangeRecord } from '../exchange/record.js'
import type { Services } from '../exchange/services.js'
import type { Load } from '../metrics/load.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Readings } from '../metrics/readings.js'
import type { UpstreamHealth } from '../state/upstream-health.js'
import type { Clock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import type { ExchangeHistory } from './exchange-history.js'
import { exchangeDetail, exchangeView } from './exchange-view.js'
import type { ExchangeListener, Serving } from './serving.js'
import type { BreakerView, ExchangeQuery } from './views.js'

/** Exchanges are told in groups, ten times a second: one message each would cost more than they did. */
const TOLD_EVERY = seconds(0.1)
/** So many in a group; nobody reads faster. */
const TOLD_AT_ONCE = 500

/** In milliseconds; more than that is no jitter. */
const TICKS_APART = 10

/** What it is made of; `main` makes it. */
export type ServingParts = {
  readonly services: Services
  readonly doors: { readonly draining: boolean; readonly clients: number }
  readonly overload: { readonly isOn: boolean }
  readonly history: ExchangeHistory
  readonly metrics: Metrics
  /** In force. */
  readonly config: () => Config
  /** Of those whose sources this process asks itself. */
  readonly credentials: () => readonly CredentialStatus[]
}

/** What this process serves. */
export function localServing(parts: ServingParts): Serving {
  const { services, history, metrics } = parts
  const { clock, healths } = services
  const wall = wallZero(clock)
  return {
    load: async () => loadOf(parts),
    metrics: async () => metrics.families(readingsOf(parts)),
    counts: async () => metrics.counts(),
    exchanges: async query => [...chosen(history.latest(), query)].map(record => exchangeView(record, wall())),
    exchange: async id => {
      for (const record of history.latest()) {
        if (record.id === id) return exchangeDetail(record, wall(), parts.config().log.redact)
      }
      return undefined
    },
    breakers: async () => [...healths.all()].map(([origin, health]) => breakerView(origin, health, clock.monotonic())),
    resetBreaker: async origin => {
      const known = [...healths.all()].filter(([name]) => name === origin)
      for (const [, { breaker }] of known) breaker?.reset(clock.monotonic())
      return known.length > 0
    },
    watch: listener => watchInGroups(parts, listener, wall),
  }
}

/**
 * Wall time at monotonic zero. The two clocks tick apart by a millisecond or so; an exchange began when it began, however
 * often it is told, unless somebody set the clock.
 */
function wallZero(clock: Clock): () => number {
  let zero = clock.now() - clock.monotonic()
  return () => {
    const now = clock.now() - clock.monotonic()
    if (Math.abs(now - zero) > TICKS_APART) zero = now
    return zero
  }
}

function loadOf({ doors, overload, services }: ServingParts): Load {
  const { running, upstreams, bodyMemory } = services
  return {
    draining: doors.draining,
    overloaded: overload.isOn,
    inflight: running.exchanges,
    tunnels: running.tunnels,
    clients: doors.clients,
    upstream_connections: upstreams.open,
    body_memory: bodyMemory.used,
  }
}

function readingsOf(parts: ServingParts): Readings {
  const { services, credentials, config } = parts
  return {
    version: packageVersion(),
    load: loadOf(parts),
    credentials: credentials(),
    routes: config().routes,
    healths: services.healths.all(),
    now: services.clock.monotonic(),
  }
}

function* chosen(records: Iterable<ExchangeRecord>, { limit, route, notable }: ExchangeQuery) {
  let left = limit
  for (const record of records) {
    if (left <= 0) return
    if (route !== undefined && record.route !== route) continue
    if (notable === true && !isNotable(record)) continue
    left--
    yield record
  }
}

const isNotable = ({ status, end, attempts, queued_ms }: ExchangeRecord): boolean =>
  status === 0 || status >= 400 || end !== undefined || attempts.length > 1 || queued_ms > 0

function breakerView(origin: string, { breaker, gates, budget }: UpstreamHealth, now: number): BreakerView {
  let waiting = 0
  for (const gate of gates.values()) waiting += gate.waiting
  return {
    origin,
    breaker: breaker?.state ?? 'off',
    retry_in_s: Math.ceil((breaker?.retryIn(now) ?? 0) / 1_000),
    waiting,
    budget: budget.isOff ? null : Math.floor(budget.available(now)),
  }
}

function watchInGroups({ services, history }: ServingParts, listener: ExchangeListener, wall: () => number) {
  let group: ExchangeRecord[] = []
  let missed = 0
  let cancel: (() => void) | undefined
  const tell = () => {
    cancel = undefined
    const [records, lost] = [group, missed]
    group = []
    missed = 0
    listener(
      records.map(record => exchangeView(record, wall())),
      lost,
    )
  }
  const end = history.watch(record => {
    if (group.length < TOLD_AT_ONCE) group.push(record)
    else missed++
    cancel ??= services.clock.schedule(TOLD_EVERY, tell)
  })
  return () => {
    end()
    cancel?.()
  }
}
