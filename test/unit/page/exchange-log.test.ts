import t from 'tap'
import { ExchangeLog, KEPT_MAX } from '../../../page/exchange-log.js'
import { parseFilter } from '../../../page/filter.js'
import { exchangeDetail } from '../../support/exchange-views.js'

const exchange = (n: number) => exchangeDetail({ id: `a-${n}`, status: n % 2 === 0 ? 200 : 500 })
const many = (from: number, count: number) => Array.from({ length: count }, (_, index) => exchange(from + index))
const ids = (log: ExchangeLog) => log.shown.map(({ id }) => id)

t.test('an exchange that is told twice, by the stream and by the history, is there once', t => {
  const log = new ExchangeLog()
  log.add(many(0, 3))
  log.add(many(1, 3))
  t.strictSame(ids(log), ['a-0', 'a-1', 'a-2', 'a-3'])
  t.end()
})

t.test(`${KEPT_MAX} are kept, and the oldest fall out, of what the filter shows as well`, t => {
  const log = new ExchangeLog()
  log.filter = parseFilter('status:500')
  log.add(many(0, KEPT_MAX + 500))
  t.equal(log.size, KEPT_MAX)
  t.equal(log.shown.length, KEPT_MAX / 2)
  t.equal(log.shown[0]?.id, 'a-501')
  t.equal(log.get('a-499'), undefined)
  log.add(many(KEPT_MAX + 500, KEPT_MAX).filter(({ status }) => status === 200))
  log.add(many(3 * KEPT_MAX, KEPT_MAX).filter(({ status }) => status === 200))
  t.strictSame(ids(log), [], 'all that it showed fell out')
  t.end()
})

t.test('a paused log shows nothing new, counts it, and shows it when it goes on', t => {
  const log = new ExchangeLog()
  log.add(many(0, 2))
  log.pause()
  log.add(many(1, 3))
  log.add(many(2, 3))
  t.strictSame([ids(log), log.paused, log.heldCount], [['a-0', 'a-1'], true, 3])
  log.resume()
  t.strictSame([ids(log), log.paused, log.heldCount], [['a-0', 'a-1', 'a-2', 'a-3', 'a-4'], false, 0])
  t.end()
})

t.test('a log that is paused for long counts all and holds no more than it can show', t => {
  const log = new ExchangeLog()
  log.pause()
  log.add(many(0, KEPT_MAX))
  log.add(many(KEPT_MAX, 700))
  t.equal(log.heldCount, KEPT_MAX + 700)
  log.resume()
  t.equal(log.size, KEPT_MAX)
  t.equal(log.shown[0]?.id, 'a-700')
  t.end()
})

t.test('a filter says of those that are there and of those that come, and how many it has come to show', t => {
  const log = new ExchangeLog()
  log.add(many(0, 4))
  log.filter = parseFilter('is:failed')
  t.strictSame([ids(log), log.shownEver], [['a-1', 'a-3'], 2])
  log.add(many(4, 2))
  t.strictSame([ids(log), log.shownEver], [['a-1', 'a-3', 'a-5'], 3])
  t.end()
})
