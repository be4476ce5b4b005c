import t, { type Test } from 'tap'
import { request } from '../support/client.js'
import { atRate } from '../support/crowd.js'
import { oneRoute, scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer } from '../support/upstream.js'

const PERIOD = 10

/** What may stand still during a weather, in milliseconds, and how often it is tried. */
const STALL = 250
const TRIES = 3

type Weather = {
  /** Seconds of health, of total failure, and of health again. */
  readonly fine: number
  readonly outage: number
  readonly after: number
  readonly breaker: string
}

/** 100 GETs per second, up to 4 attempts each, through an upstream that answers nothing but 503 for a while. */
async function outage(t: Test, { fine, outage, after, breaker }: Weather) {
  const started = performance.now()
  const now = () => (performance.now() - started) / 1_000
  const isDown = () => now() >= fine && now() < fine + outage
  let downHits = 0
  const successes: number[] = []
  const hitsAt: number[] = []
  const script = () => {
    hitsAt.push(now())
    if (isDown()) {
      downHits++
      return answer(503, 'down')
    }
    successes.push(now())
    return answer(200, 'ok')
  }
  const retry = 'retry: { attempts: 4, backoff: { base: 50ms, cap: 500ms } }'
  const { daemon, url } = await scene(t, script, oneRoute(retry, `breaker: ${breaker}`))
  let offered = 0
  const opened: number[] = []
  const retryAfters = new Set<string | undefined>()
  await atRate((fine + outage + after) * (1_000 / PERIOD), PERIOD, async () => {
    if (isDown()) offered++
    const got = await request(daemon.port, url)
    if (!got.text.includes('breaker_open')) return
    opened.push(now())
    retryAfters.add(got.header('retry-after'))
  })
  const end = fine + outage
  const later = successes.filter(at => at > end)
  return { offered, amplification: downHits / offered, hitsAt, opened, retryAfters, successes: later, end }
}

t.test('S8: repeats do not make an outage worse', { jobs: 2 }, async t => {
  t.test('R7: the budget alone keeps them below a quarter of the load', { buffered: true }, async t => {
    const weather = { fine: 1, outage: 20, after: 0, breaker: 'off' }
    const { offered, amplification } = await undisturbed(() => outage(t, weather), STALL, TRIES)
    t.ok(offered > 1_800, `${offered} requests in the outage`)
    t.ok(amplification <= 1.25, `amplification ${amplification}`)
    t.ok(amplification > 1.05, 'they were made, though')
  })
  t.test(
    'R9: the breaker opens within a second and lets the first probe after the outage through',
    { buffered: true },
    async t => {
      const breaker = '{ failures: 5, ratio: 0.5, min_requests: 20, window: 10s, open: 1s }'
      const weather = { fine: 2, outage: 6, after: 4, breaker }
      const { amplification, hitsAt, opened, retryAfters, successes, end } = await undisturbed(
        () => outage(t, weather),
        STALL,
        TRIES,
      )
      t.ok(amplification < 0.3, `amplification ${amplification}: most requests never reach the failing upstream`)
      t.ok((opened[0] ?? 99) - 2 <= 1, `open ${opened[0]} s into a test whose outage begins at 2 s`)
      t.same([...retryAfters].sort(), ['1', '2', '3', '4'], 'who is refused hears when the next probe may pass')
      const probe = hitsAt.find(at => at > end) ?? 99
      const first = successes[0] ?? 99
      t.ok(first - probe <= 2, `the first success comes ${first - probe} s after the first probe`)
      t.ok(successes.length > 20, `and then the load is back: ${successes.length}`)
    },
  )
})
