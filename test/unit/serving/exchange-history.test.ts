import t from 'tap'
import { ExchangeHistory } from '../../../src/serving/exchange-history.js'
import { exchangeRecord } from '../../support/records.js'

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
