import t, { type Test } from 'tap'
import { request } from '../support/client.js'
import { atRate } from '../support/crowd.js'
import { fixedWindow, type Limiter, slidingWindow, tokenBucket } from '../support/rate-limited-upstream.js'
import { scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer } from '../support/upstream.js'

/** The built-in default route, as a user has it who configures nothing. */
const DEFAULTS = 'routes: [{ name: all, match: { host: "*" } }]'

/** 100 GETs, one every `period` ms, against an upstream that takes what the limiter says. */
async function crowdAgainst(t: Test, limiter: Limiter, period: number) {
  const started = performance.now()
  const { upstream, daemon, url } = await scene(
    t,
    seen => {
      const taken = limiter(performance.now() - started)
      return taken === 'taken' ? answer(200, seen.path) : answer(429, 'slow down', 'Retry-After: 1')
    },
    DEFAULTS,
  )
  const ask = (i: number) => request(daemon.port, `${url}/${i}`)
  const answers = period === 0 ? Promise.all(Array.from({ length: 100 }, (_, i) => ask(i))) : atRate(100, period, ask)
  const statuses = (await answers).map(got => got.status)
  return { statuses, hits: upstream.seen.length, took: performance.now() - started }
}

/** What may stand still meanwhile, and how often it is tried, since each takes ten seconds and more. */
const STALL = 250
const TRIES = 3

/** 12 s is for an idle machine; only the fixed window, which runs alone, is held to it. */
async function allSucceed(t: Test, limiter: () => Limiter, within: number) {
  const { statuses, hits, took } = await undisturbed(() => crowdAgainst(t, limiter(), 0), STALL, TRIES)
  t.same(statuses, Array(100).fill(200), 'no client sees a 429')
  t.ok(hits <= 220, `${hits} hits`)
  t.ok(took <= within, `${Math.round(took)} ms`)
}

t.test('S4: 100 GETs at once against 10 per second (a fixed window) all succeed', t =>
  allSucceed(t, () => fixedWindow(10), 12_000),
)

t.test('R8: one Retry-After is shared by all who ask', { jobs: 3 }, async t => {
  t.test('S4: 100 GETs at once against 10 per second (a sliding window) all succeed', { buffered: true }, t =>
    allSucceed(t, () => slidingWindow(10), 30_000),
  )
  t.test('S4: 100 GETs at once against 10 per second (a token bucket) all succeed', { buffered: true }, t =>
    allSucceed(t, () => tokenBucket(10), 30_000),
  )
  t.test('S5: 100 GETs at 20 per second against 10 per second all succeed', { buffered: true }, async t => {
    const { statuses, hits } = await undisturbed(() => crowdAgainst(t, fixedWindow(10), 50), STALL, TRIES)
    t.same(statuses, Array(100).fill(200))
    t.ok(hits <= 125, `${hits} hits`)
  })
})
