import t from 'tap'
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

t.test('request fields of more than 8,192 characters are not kept, and those of no more are', t => {
  const history = new ExchangeHistory()
  history.add(exchangeRecord({ fields: ['x', 'y'.repeat(8_191)] }))
  history.add(exchangeRecord({ fields: ['xx', 'y'.repeat(8_191)] }))
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
