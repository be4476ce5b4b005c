import { type Test, test } from 'tap'
import { type Collector, openCollector } from '../../../src/telemetry/collector.js'
import { Exporter } from '../../../src/telemetry/exporter.js'
import { type Random, systemClock } from '../../../src/time/clock.js'
import { seconds } from '../../../src/time/units.js'
import { ManualClock } from '../../support/clock.js'
import { startCollector, type TestCollector } from '../../support/otlp.js'
import { attemptRecord, exchangeRecord } from '../../support/records.js'
import { freePort } from '../../support/tunnel.js'

const PARENT = '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7'
const MAKER = { service: 'shop', version: '1.2.3', instance: 'mulligan-abcd' }
const HALF: Random = () => 0.5
const NONE: ReadonlyMap<string, () => Promise<string>> = new Map()

/** An exporter to a collector, under a clock that moves by hand; half of the draws are below 0.5. */
function exporterTo(t: Test, { url }: Pick<TestCollector, 'url'>, { sample = 1, random = HALF, headers = NONE } = {}) {
  const clock = new ManualClock()
  const told = { dropped: 0, troubles: [] as (string | undefined)[] }
  let wake: (() => void)[] = []
  const changed = () => {
    for (const resume of wake.splice(0)) resume()
  }
  const real = openCollector({ endpoint: `${url}/v1/traces`, headers, ca: undefined }, clock)
  let posting = 0
  const collector: Collector = {
    ...real,
    post: async (body, signal) => {
      posting++
      return real.post(body, signal).finally(() => posting--)
    },
  }
  const exporter = new Exporter(
    {
      ...{ sample, maker: MAKER, clock, random },
      onDropped: spans => {
        told.dropped += spans
        changed()
      },
      onTrouble: why => {
        told.troubles.push(why)
        changed()
      },
    },
    collector,
  )
  t.teardown(async () => {
    wake = []
    const closed = exporter.close(seconds(0))
    clock.advance(1)
    await closed
  })
  return {
    clock,
    told,
    exporter,
    /** Exchanges of two spans each. */
    add: (count: number, fields: readonly string[] = []) => {
      for (let i = 0; i < count; i++) exporter.add(exchangeRecord({ id: `a-${i}`, fields }))
    },
    until: async (holds: () => boolean) => {
      while (!holds()) await new Promise<void>(resolve => wake.push(resolve))
    },
    /** Nothing is on its way, and something will be. */
    waits: async () => {
      while (posting > 0 || clock.pending !== 1) await new Promise(resolve => setImmediate(resolve))
    },
  }
}

test('spans wait five seconds for others, and go in one POST of OTLP JSON', async t => {
  const collector = await startCollector(t)
  const { clock, add, told } = exporterTo(t, collector)
  add(2)
  clock.advance(4_999)
  add(1)
  t.equal(collector.exports.length, 0)
  clock.advance(1)
  const [first] = await collector.posts(1)
  t.equal(first?.path, '/v1/traces')
  t.match(first?.headers, { 'content-type': 'application/json', 'content-length': /^\d+$/ })
  t.strictSame(first?.wrong, [])
  t.equal(first?.spans.length, 6)
  t.equal(new Set(first?.spans.map(({ spanId }) => spanId)).size, 6)
  t.equal(new Set(first?.spans.map(({ traceId }) => traceId)).size, 3)
  t.strictSame(first?.resource, {
    'service.name': 'shop',
    'service.version': '1.2.3',
    'service.instance.id': 'mulligan-abcd',
  })
  t.strictSame(told, { dropped: 0, troubles: [] })
})

test('512 spans go at once, the rest of them later', async t => {
  const collector = await startCollector(t)
  const { clock, add, waits } = exporterTo(t, collector)
  add(300)
  t.equal((await collector.posts(1))[0]?.spans.length, 512)
  await waits()
  clock.advance(5_000)
  t.equal((await collector.posts(2))[1]?.spans.length, 88)
  t.strictSame(
    collector.exports.flatMap(({ wrong }) => wrong),
    [],
  )
})

test('beyond 2,048 waiting spans exchanges are dropped and counted, never waited for', async t => {
  let release: () => void = () => undefined
  const held = new Promise<void>(resolve => (release = resolve))
  const collector = await startCollector(t, async n => (n === 1 ? held.then(() => ({})) : {}))
  const { add, told } = exporterTo(t, collector)
  add(256)
  await collector.posts(1)
  add(1_024)
  t.equal(told.dropped, 0)
  add(3)
  t.equal(told.dropped, 6)
  t.equal(collector.exports.length, 1, 'one POST at a time')
  release()
  t.equal((await collector.received(2_560)).length, 2_560)
})

test("the client's sampled flag decides, and the share only where there is none", async t => {
  const collector = await startCollector(t)
  const draws = [0.24, 0.25, 0.99, 0]
  const { clock, add } = exporterTo(t, collector, { sample: 0.25, random: () => draws.shift() ?? 1 })
  add(4)
  add(1, ['traceparent', `00-${PARENT}-01`])
  add(1, ['traceparent', `00-${PARENT}-00`])
  add(1, ['traceparent', `00-${PARENT}`])
  clock.advance(5_000)
  const [{ spans } = { spans: [] }] = await collector.posts(1)
  t.equal(spans.length, 6, 'two of four draws, and the one that is sampled')
  t.strictSame(
    spans
      .filter(({ traceId }) => PARENT.startsWith(traceId))
      .map(({ parentSpanId }) => parentSpanId === PARENT.slice(33)),
    [true, false],
  )
  t.strictSame(draws, [], 'the malformed one was drawn for as well, and lost')
})

test('429, 502, 503 and 504 are repeated, not before Retry-After; what failed is told once', async t => {
  const statuses = [503, 429, 502, 504]
  const fields = { 'retry-after': '7' }
  const collector = await startCollector(t, n => ({ status: statuses[n - 1] ?? 200, fields: n === 2 ? fields : {} }))
  const { clock, add, told, until, waits } = exporterTo(t, collector)
  add(1)
  // Backoff is 0.5 of 1, 2, 4, 8 s; the hint 7 s and half of a fifth of it.
  for (const [n, wait] of [5_000, 500, 7_700, 2_000, 4_000].entries()) {
    await waits()
    clock.advance(wait - 1)
    t.equal(clock.pending, 1, `POST ${n + 1} is not early`)
    clock.advance(1)
    await collector.posts(n + 1)
  }
  await until(() => told.troubles.length === 2)
  t.strictSame(told, { dropped: 0, troubles: ['status 503', undefined] })
  t.equal(new Set(collector.exports.map(each => each.text)).size, 1, 'the same bytes each time')
})

test('what is refused, or not taken five times, is dropped and not sent again', async t => {
  const collector = await startCollector(t, n => ({ status: n === 1 ? 400 : 503 }))
  const { clock, add, told, until, waits } = exporterTo(t, collector)
  add(2)
  clock.advance(5_000)
  await until(() => told.dropped === 4)
  t.strictSame(told.troubles, ['status 400'])
  add(1)
  for (let n = 2; n <= 6; n++) {
    await waits()
    clock.advance(30_000)
    await collector.posts(n)
  }
  await until(() => told.dropped === 6)
  t.equal(collector.exports.length, 6)
  t.strictSame(told.troubles, ['status 400'], 'once')
})

test('spans that the collector did not want are counted; they must not be sent again', async t => {
  const body = '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}'
  const collector = await startCollector(t, () => ({ body }))
  const { clock, add, told, until } = exporterTo(t, collector)
  add(2)
  clock.advance(5_000)
  await until(() => told.dropped === 3)
  t.strictSame(told.troubles, ['it did not want 3 of the spans: too old'])
  t.equal(collector.exports.length, 1)
})

test('a collector that is away, or says nothing for ten seconds, is tried again', async t => {
  const silent = await startCollector(t, n => (n === 1 ? undefined : {}))
  const { clock, add, told, waits } = exporterTo(t, silent)
  add(1)
  clock.advance(5_000)
  await silent.posts(1)
  clock.advance(9_999)
  t.strictSame(told.troubles, [])
  clock.advance(1)
  await waits()
  t.strictSame(told.troubles, ['no answer within 10s'])
  clock.advance(500)
  await silent.posts(2)
  const away = exporterTo(t, { url: `http://127.0.0.1:${await freePort()}` })
  away.add(1)
  away.clock.advance(5_000)
  await away.until(() => away.told.troubles.length === 1)
  t.strictSame(away.told.troubles, ['ECONNREFUSED'])
})

test('closing sends what waits, without waiting for a repeat, and drops the rest when its time is over', async t => {
  const collector = await startCollector(t)
  const quick = exporterTo(t, collector)
  quick.add(300)
  await quick.exporter.close(seconds(2))
  t.equal(collector.spans().length, 600)
  t.equal(quick.clock.pending, 0)
  quick.add(1)
  t.equal(quick.told.dropped, 2, 'what comes later is counted')
  const busy = await startCollector(t, () => ({ status: 503 }))
  const repeating = exporterTo(t, busy)
  repeating.add(1)
  repeating.clock.advance(5_000)
  await busy.posts(1)
  await repeating.waits()
  await repeating.exporter.close(seconds(2))
  t.equal(busy.exports.length, 2, 'one more try')
  t.equal(repeating.told.dropped, 2)
  const silent = await startCollector(t, () => undefined)
  const stuck = exporterTo(t, silent)
  stuck.add(300)
  await silent.posts(1)
  const closed = stuck.exporter.close(seconds(2))
  stuck.clock.advance(2_000)
  await closed
  t.equal(stuck.told.dropped, 600)
  t.equal(stuck.clock.pending, 0)
})

test('headers are read anew for each batch; one that cannot be read keeps the batch', async t => {
  const collector = await startCollector(t)
  const keys = ['first', undefined, 'second']
  const key = async () => {
    const value = keys.shift()
    if (value === undefined) throw new Error('cannot read key: ENOENT')
    return value
  }
  const { clock, add, told, waits, until } = exporterTo(t, collector, { headers: new Map([['x-key', key]]) })
  add(1)
  clock.advance(5_000)
  await collector.posts(1)
  add(1)
  await waits()
  clock.advance(5_000)
  await until(() => told.troubles.length === 1)
  await waits()
  clock.advance(500)
  await collector.posts(2)
  t.strictSame(
    collector.exports.map(({ headers }) => headers['x-key']),
    ['first', 'second'],
  )
  t.equal(told.troubles[0], 'cannot read key: ENOENT')
})

test('the record of an exchange is queued in less than 20 µs, even when it has to be dropped', async t => {
  const silent = await startCollector(t, () => undefined)
  const record = exchangeRecord({ attempts: [attemptRecord()], fields: ['Host', 'a.test', 'Accept', '*/*'] })
  const costs: number[] = []
  // A machine that stands still only ever adds: the best of a few says what it costs.
  while (costs.length < 8 && Math.min(...costs) >= 0.02) {
    const { exporter, told } = exporterTo(t, silent)
    const since = systemClock.monotonic()
    for (let i = 0; i < 10_000; i++) exporter.add(record)
    costs.push((systemClock.monotonic() - since) / 10_000)
    t.ok(told.dropped > 0)
  }
  const each = Math.min(...costs)
  t.comment(`${(each * 1e6).toFixed(0)} ns`)
  t.ok(each < 0.02)
})
