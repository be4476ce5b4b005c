import type { Config } from '../config/config.js'
import type { CredentialStatus } from '../credential/credentials.js'
import type { UpstreamHealth } from '../state/upstream-health.js'
import type { Family, Sample } from './exposition.js'
import type { Load } from './load.js'
import type { OriginLabels } from './origin-labels.js'

/** What the daemon is like at the moment that somebody asks: nothing of it costs a request anything. */
export type Readings = {
  readonly version: string
  /** 1 unless it is one of several, or stands for them. */
  readonly workers?: number
  readonly load: Load
  readonly credentials: readonly CredentialStatus[]
  readonly routes: Config['routes']
  readonly healths: Iterable<readonly [origin: string, health: UpstreamHealth]>
  /** Monotonic milliseconds. */
  readonly now: number
}

/** The gauges of a daemon. */
export function* readingMetrics(readings: Readings, labels: OriginLabels): Iterable<Family> {
  const { version, workers = 1, load, credentials } = readings
  const { draining, overloaded, inflight, tunnels, clients, upstream_connections, body_memory } = load
  yield gauge('mulligan_build_info', 'Always 1; the version is in its label.', [{ labels: { version }, value: 1 }])
  yield single('mulligan_draining', '1 while it shuts down and takes no new connections.', Number(draining))
  yield single('mulligan_overloaded', '1 while some of the requests are turned away with 503.', Number(overloaded))
  yield single('mulligan_workers', 'Processes that serve, and answered when they were asked.', workers)
  yield single('mulligan_inflight', 'Requests that have come and are not over.', inflight)
  yield single('mulligan_tunnels_open', 'CONNECT tunnels that pass bytes untouched.', tunnels)
  yield single('mulligan_client_connections', 'Connections of clients.', clients)
  yield single('mulligan_upstream_connections', 'Connections to upstreams, idle ones included.', upstream_connections)
  yield single('mulligan_body_memory_bytes', 'Request bodies held in memory, to be sent again.', body_memory)
  yield gauge(
    'mulligan_credential_needs_login',
    '1 where no token will come until somebody does something.',
    credentials.map(({ name, state }) => ({
      labels: { credential: name },
      value: Number(state === 'needs_login'),
    })),
  )
  yield* originMetrics(readings, labels)
}

type Origin = { open: number; waiting: number; budget: number }

/** Of one label: breakers and waiting requests are added up, and the emptiest budget counts. */
function* originMetrics({ healths, routes, now }: Readings, labels: OriginLabels): Iterable<Family> {
  const origins = new Map<string, Origin>()
  for (const [name, { breaker, gates, budget }] of healths) {
    const label = labels.of(name, routes)
    const origin = origins.get(label) ?? { open: 0, waiting: 0, budget: Number.POSITIVE_INFINITY }
    origins.set(label, origin)
    if (breaker !== undefined && breaker.state !== 'closed') origin.open++
    for (const gate of gates.values()) origin.waiting += gate.waiting
    if (!budget.isOff) origin.budget = Math.min(origin.budget, budget.available(now))
  }
  const each = (value: (origin: Origin) => number): Sample[] =>
    [...origins].map(([label, origin]) => ({ labels: { origin: label }, value: value(origin) }))
  const open = each(origin => origin.open)
  yield gauge('mulligan_breaker_open', 'Breakers that keep requests from an upstream, or probe it.', open)
  const waiting = each(origin => origin.waiting)
  yield gauge('mulligan_cooldown_waiting', 'Requests that wait for the end of a rate limit.', waiting)
  const budgets = each(origin => origin.budget).filter(({ value }) => value !== Number.POSITIVE_INFINITY)
  yield gauge('mulligan_retry_budget', 'Repeats that could be made now.', budgets)
}

const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
  name,
  help,
  type: 'gauge',
  samples,
})

const single = (name: string, help: string, value: number): Family => gauge(name, help, [{ labels: {}, value }])
