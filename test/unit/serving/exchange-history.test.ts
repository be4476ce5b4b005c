import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { withoutQuery } from '../../../src/exchange/record.js'
import { ExchangeHistory } from '../../../src/serving/exchange-history.js'
import { attemptRecord, exchangeRecord } from '../../support/records.js'

const record = (n: number) => exchangeRecord({ id: `a-${n}` })

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
