import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { withoutQuery } from '../../../src/exchange/record.js'
import { ExchangeHistory } from '../../../src/serving/exchange-history.js'
import { attemptRecord, exchangeRecord } from '../../support/records.js'

/** One every two milliseconds. */
const record = (n: number, more: Parameters<typeof exchangeRecord>[0] = {}) =>
  exchangeRecord({ id: `a-${n}`, endedAt: 2 * n, ...more })

const idsOf = (history: ExchangeHistory): string[] => [...history.latest()].map(({ id }) => id)

t.test('the newest comes first, and the thousandth before it is the last that is remembered', t => {
  const history = new ExchangeHistory()
  t.strictSame(idsOf(history), [])
  for (let n = 1; n <= 3; n++) history.add(record(n))
  t.strictSame(idsOf(history), ['a-3', 'a-2', 'a-1'])
  for (let n = 4; n <= 2_500; n++) history.add(record(n))
  t.strictSame(
    idsOf(history),
    Array.from({ length: 1_000 }, (_, back) => `a-${2_500 - back}`),
  )
  t.end()
})

t.test('a thousand plain exchanges in a second are remembered, and all that are not plain', t => {
  const history = new ExchangeHistory()
  for (let n = 0; n < 3_000; n++) history.add(record(n, { endedAt: n / 10 }))
  t.equal(idsOf(history)[0], 'a-999')
  const [first, again] = [attemptRecord({ outcome: '503' }), attemptRecord({ n: 2 })]
  const eventful = [{ status: 404 }, { end: 'replayed' }, { attempts: [first, again] }, { key: 'k' }, { spend: '1' }]
  for (const [i, more] of eventful.entries()) history.add(record(5_000 + i, { endedAt: 400, ...more }))
  t.strictSame(idsOf(history).slice(0, 6), ['a-5004', 'a-5003', 'a-5002', 'a-5001', 'a-5000', 'a-999'])
  history.add(record(6_000, { endedAt: 1_000 }))
  t.equal(idsOf(history)[0], 'a-6000', 'another second')
  t.end()
})

t.test('who watches hears of all of them', t => {
  const history = new ExchangeHistory()
  let heard = 0
  history.watch(() => heard++)
  for (let n = 0; n < 3_000; n++) history.add(record(n, { endedAt: 0 }))
  t.equal(heard, 3_000)
  t.end()
})

t.test('what is remembered is not what the exchange goes on with', t => {
  const history = new ExchangeHistory()
  const added = record(1)
  history.add(added)
  const [kept] = [...history.latest()]
  t.strictSame(kept, added)
  t.not(kept, added, 'V8 would make records among the old objects')
  t.not(kept?.attempts[0], added.attempts[0])
  t.end()
})

t.test('request fields are kept where all that was said is no longer than 8,192 characters', t => {
  const history = new ExchangeHistory()
  const rest = { host: 'api.test', path: '/y' }
  history.add(exchangeRecord({ ...rest, fields: ['x', 'y'.repeat(8_181)] }))
  history.add(exchangeRecord({ ...rest, fields: ['xx', 'y'.repeat(8_181)] }))
  t.strictSame(
    [...history.latest()].map(({ fields }) => fields.length),
    [0, 2],
  )
  t.end()
})

t.test('what a client or an upstream can make long is cut, and what says when to come back is kept', t => {
  const history = new ExchangeHistory()
  const refused = ['Retry-After', '7', 'X-Long', 'y'.repeat(60_000), 'X-RateLimit-Left', 'z'.repeat(60_000)]
  const attempts = [attemptRecord({ outcome: '503', refused }), attemptRecord({ n: 2 })]
  history.add(exchangeRecord({ path: `/${'p'.repeat(60_000)}`, host: 'h'.repeat(60_000), attempts }))
  history.add(exchangeRecord({ path: '/short', attempts: [attemptRecord({ refused: ['X-Short', 'y'] })] }))
  const [short, long] = [...history.latest()]
  t.strictSame(short?.attempts[0]?.refused, ['X-Short', 'y'])
  t.match(long, { id: 'a-1', status: 200, path: /^\/p{500,}…$/, host: /^h{100,}…$/ })
  t.ok(JSON.stringify(long).length < 4_096)
  t.strictSame(
    long?.attempts.map(({ n, refused }) => [n, refused]),
    [
      [1, ['Retry-After', '7']],
      [2, undefined],
    ],
  )
  t.end()
})

t.test('long queries are not kept behind what comes before them', t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heapUsed = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const history = new ExchangeHistory()
  const before = heapUsed()
  for (let n = 0; n < 1_000; n++) {
    const target = `/a/path/of/some/length/${n}?${'q'.repeat(50_000)}`
    history.add(exchangeRecord({ id: `a-${n}`, path: withoutQuery(target), query: true }))
  }
  const kept = heapUsed() - before
  t.equal([...history.latest()][0]?.path, '/a/path/of/some/length/999')
  t.ok(kept < 5_000_000, `${kept} bytes`)
  t.end()
})

t.test('a watcher hears of what ends while it watches, of its own request to end included', t => {
  const history = new ExchangeHistory()
  const heard: string[] = []
  const endFirst = history.watch(({ id }) => {
    heard.push(`first ${id}`)
    endFirst()
  })
  const endSecond = history.watch(({ id }) => heard.push(`second ${id}`))
  history.add(record(1))
  history.add(record(2))
  endSecond()
  history.add(record(3))
  t.strictSame(heard, ['first a-1', 'second a-1', 'second a-2'])
  t.end()
})
