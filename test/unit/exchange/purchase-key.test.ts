import t from 'tap'
import type { RequestHead } from '../../../src/exchange/lane.js'
import type { Plan } from '../../../src/exchange/plan.js'
import { purchaseKey } from '../../../src/exchange/purchase-key.js'

const plan = (more: object = {}): Plan =>
  ({ route: { name: 'shop' }, scheme: 'https', authority: 'shop.test', path: '/a', shared: false, ...more }) as Plan
const head = (...fields: string[]): RequestHead => ({ method: 'POST', fields }) as unknown as RequestHead

t.test('P5: a retry is known by client, method, URL and body, or by its idempotency key alone', t => {
  const first = purchaseKey(plan(), head('Authorization', 'Bearer a'), 'd1')
  t.equal(purchaseKey(plan(), head('Authorization', 'Bearer a', 'X-Try', '2'), 'd1'), first)
  t.not(purchaseKey(plan(), head('Authorization', 'Bearer b'), 'd1'), first, 'another client')
  t.not(purchaseKey(plan(), head('Authorization', 'Bearer a'), 'd2'), first, 'another body')
  t.not(purchaseKey(plan({ path: '/b' }), head('Authorization', 'Bearer a'), 'd1'), first, 'another URL')
  const keyed = (digest: string) => purchaseKey(plan(), head('Idempotency-Key', 'k1'), digest)
  t.equal(keyed('d1'), keyed('d2'))
  t.end()
})

t.test('P5: where others reach the listener, callers who show nothing are never taken for one another', t => {
  const shared = plan({ shared: true })
  t.not(purchaseKey(shared, head(), 'd1'), purchaseKey(shared, head(), 'd1'))
  t.not(
    purchaseKey(shared, head('Idempotency-Key', 'k1'), 'd1'),
    purchaseKey(shared, head('Idempotency-Key', 'k1'), 'd1'),
  )
  const known = () => purchaseKey(shared, head('X-Api-Key', 'a'), 'd1')
  t.equal(known(), known())
  t.end()
})
