import t from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { exposition } from '../../../src/metrics/exposition.js'
import type { Load } from '../../../src/metrics/load.js'
import { OriginLabels } from '../../../src/metrics/origin-labels.js'
import { type Readings, readingMetrics } from '../../../src/metrics/readings.js'
import { UpstreamHealths } from '../../../src/state/upstream-healths.js'
import { millis } from '../../../src/time/units.js'
import { ManualClock } from '../../support/clock.js'
import { credentialStatus } from '../../support/credential-status.js'
import { readExposition } from '../../support/exposition-reader.js'

const YAML = `
routes:
  - { name: a, match: { host: a.test }, breaker: { failures: 1 } }
  - { name: quiet, match: { host: quiet.test }, retry: off, breaker: { failures: 1 } }
  - { name: all, match: { host: "*" }, breaker: { failures: 1 } }
`

const LOAD: Load = {
  draining: false,
  overloaded: true,
  inflight: 3,
  tunnels: 2,
  clients: 7,
  upstream_connections: 5,
  body_memory: 1_024,
}

function scene() {
  const { routes } = parseConfig('test.yaml', YAML, {}, {}).config
  const [a, quiet, all] = routes
  if (a === undefined || quiet === undefined || all === undefined) throw new Error('three routes')
  const clock = new ManualClock()
  const healths = new UpstreamHealths(clock)
  const read = (change: Partial<Readings> = {}) => {
    const readings: Readings = {
      version: '1.2.3',
      load: LOAD,
      credentials: [],
      routes,
      healths: healths.all(),
      now: clock.monotonic(),
      ...change,
    }
    return readExposition(exposition(readingMetrics(readings, new OriginLabels())))
  }
  return { a, quiet, all, healths, read }
}

t.test('of origins that share a label, open breakers are added up and the emptiest budget counts', t => {
  const { a, all, healths, read } = scene()
  for (const host of ['x', 'y', 'z']) healths.get(`http://${host}.test:80`, all)
  for (const host of ['x', 'y']) healths.get(`http://${host}.test:80`, all).breaker?.onFailure(0)
  for (let i = 0; i < 4; i++) healths.get('http://z.test:80', all).budget.withdraw(0)
  healths.get('http://a.test:80', a)
  const { value } = read()
  t.equal(value('mulligan_breaker_open', { origin: 'other' }), 2)
  t.equal(value('mulligan_breaker_open', { origin: 'http://a.test:80' }), 0)
  t.equal(value('mulligan_retry_budget', { origin: 'other' }), 6)
  t.equal(value('mulligan_retry_budget', { origin: 'http://a.test:80' }), 10)
  t.end()
})

t.test('requests at all gates of an origin are added up', t => {
  const { a, healths, read } = scene()
  const health = healths.get('http://a.test:80', a)
  for (const print of ['one', 'two']) {
    const gate = health.closeGate(print, millis(1_000), 0)
    for (const _ of [1, 2]) gate?.enter({ dueAt: 1e9, release: () => undefined })
  }
  t.equal(read().value('mulligan_cooldown_waiting', { origin: 'http://a.test:80' }), 4)
  healths.close()
  t.end()
})

t.test('R7: where retries are off there is no budget to be alarmed about', t => {
  const { quiet, healths, read } = scene()
  healths.get('http://quiet.test:80', quiet)
  const { series, value } = read()
  t.notOk(series.some(({ name }) => name === 'mulligan_retry_budget'))
  t.equal(value('mulligan_breaker_open', { origin: 'http://quiet.test:80' }), 0)
  t.ok(series.some(({ name }) => name === 'mulligan_breaker_open'))
  t.end()
})

t.test('what the daemon holds, and which credentials wait for somebody, is told as it is', t => {
  const { read } = scene()
  const credentials = [
    credentialStatus({ name: 'a', state: 'needs_login' }),
    credentialStatus({ name: 'b', state: 'cooling' }),
    credentialStatus({ name: 'c', state: 'none' }),
  ]
  const { value, series } = read({ load: { ...LOAD, draining: true }, credentials })
  t.equal(value('mulligan_draining'), 1)
  t.equal(value('mulligan_inflight'), 3)
  t.equal(value('mulligan_tunnels_open'), 2)
  t.equal(value('mulligan_client_connections'), 7)
  t.equal(value('mulligan_upstream_connections'), 5)
  t.equal(value('mulligan_body_memory_bytes'), 1_024)
  t.equal(value('mulligan_build_info', { version: '1.2.3' }), 1)
  t.same(
    series.filter(({ name }) => name.endsWith('needs_login')).map(({ labels, value }) => [labels['credential'], value]),
    [
      ['a', 1],
      ['b', 0],
      ['c', 0],
    ],
  )
  t.end()
})
