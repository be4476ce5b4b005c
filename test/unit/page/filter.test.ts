import t from 'tap'
import { KIND_NAMES, NO_FILTER, parseFilter } from '../../../page/filter.js'
import type { ExchangeView } from '../../../src/serving/views.js'
import { attemptView, exchangeDetail } from '../../support/exchange-views.js'

const ORDER: ExchangeView = exchangeDetail({
  method: 'POST',
  url: 'https://shop.test/orders/7',
  route: 'orders',
  status: 503,
  end: 'attempts-over',
  duration_ms: 1_500,
  key: 'ab12',
  attempts: [
    attemptView({ n: 1, outcome: '503', why: 'retry-after' }),
    attemptView({ n: 2, outcome: 'connection_refused', why: 'attempts-exhausted' }),
  ],
})

t.test('every word and every term must hold, whatever the case', t => {
  const holds = [
    ...['orders', 'ORDERS', 'post', 'shop.test /orders', '503', 'attempts-over', '"orders/7"'],
    ...['status:503', 'status:5xx', 'status:5XX', 'status:50', 'method:post', 'route:ord', 'why:retry-after'],
    ...['outcome:refused', 'end:over', 'key:ab', 'is:slow', 'is:repeated is:failed is:keyed', '-status:2xx', '-get'],
    ...['mode:forward', 'id:a-1', '"POST https://shop.test"'],
  ]
  const fails = [
    ...['gone', 'status:404', 'status:4xx', 'route:shop', 'why:status', 'is:paid', '-orders', 'orders gone'],
    ...['-is:failed', 'method:get', '"shop.test orders"'],
  ]
  for (const text of holds) t.equal(parseFilter(text)(ORDER), true, text)
  for (const text of fails) t.equal(parseFilter(text)(ORDER), false, text)
  t.end()
})

t.test('a term that is being written does not empty the list, and no text is no filter', t => {
  for (const text of ['status:', 'route:', 'why:', 'is:', 'orders status:'])
    t.equal(parseFilter(text)(ORDER), true, text)
  for (const text of ['', '   ']) t.equal(parseFilter(text), NO_FILTER, JSON.stringify(text))
  t.end()
})

t.test('what looks like a term and is none is a word', t => {
  for (const text of ['https://shop.test', 'https:', 'constructor:x', '__proto__:x']) {
    t.equal(parseFilter(text)(ORDER), text.startsWith('https'), text)
  }
  t.end()
})

t.test('each chip shows its kind alone, and an answer given again is no failure', t => {
  const plain = exchangeDetail()
  const rows: readonly [string, ExchangeView][] = [
    ['failed', exchangeDetail({ status: 404 })],
    ['failed', exchangeDetail({ status: 0, end: 'client-gone' })],
    ['failed', exchangeDetail({ end: 'connection_terminated' })],
    ['repeated', exchangeDetail({ attempts: [attemptView(), attemptView({ n: 2 })] })],
    ['paid', exchangeDetail({ spend: '0.01 USDC' })],
    ['keyed', exchangeDetail({ key: 'ab12' })],
    ['slow', exchangeDetail({ duration_ms: 1_000 })],
  ]
  for (const [kind, exchange] of rows) {
    const shown = KIND_NAMES.filter(name => parseFilter('', [name])(exchange))
    t.strictSame(shown, [kind])
  }
  t.strictSame(
    KIND_NAMES.filter(name => parseFilter('', [name])(plain)),
    [],
  )
  t.equal(parseFilter('is:failed')(exchangeDetail({ end: 'replayed' })), false)
  t.equal(parseFilter('is:slow')(exchangeDetail({ mode: 'tunnel', duration_ms: 90_000 })), false)
  t.end()
})
