import t from 'tap'
import { decodePurchase, encodePurchase, newPurchase, pinKey, priceKey } from '../../../src/ledger/purchase-record.js'
import { ask } from '../../support/ledger-rig.js'

const record = newPurchase(ask('k', { amount: 2n ** 250n }), {
  owner: 'o',
  suffix: 'abcdef012345',
  instance: 'i',
  now: 1_767_225_600_000,
})

t.test('a purchase comes back as it was written, and later ones sort behind it', t => {
  t.strictSame(decodePurchase(encodePurchase(record)), record)
  const later = newPurchase(ask('k'), { owner: 'o', suffix: '000000000000', instance: 'i', now: 1_767_225_600_001 })
  t.ok(later.id > record.id)
  t.end()
})

t.test('what is damaged, changed, or of a later version is no purchase', t => {
  const changed = (change: object) => {
    const text = encodePurchase(record).toString('utf8', 1)
    return Buffer.from(`\u0001${JSON.stringify({ ...JSON.parse(text), ...change })}`)
  }
  t.strictSame(decodePurchase(changed({})), record)
  const rows = [{ state: 'paid' }, { amount: '-1' }, { amount: 1 }, { amount: '1e3' }, { owner: null }, { proven: 1 }]
  for (const change of rows) t.equal(decodePurchase(changed(change)), undefined, JSON.stringify(change))
  const other = encodePurchase(record)
  other[0] = 2
  for (const value of [
    other,
    Buffer.alloc(0),
    Buffer.from('\u0001'),
    Buffer.from('\u0001null'),
    Buffer.from('\u0001{'),
  ])
    t.equal(decodePurchase(value), undefined)
  t.end()
})

t.test('keys are short, however long the names of strangers are', t => {
  const long = `https://seller.test/${'x'.repeat(8_000)}`
  for (const key of [pinKey(long, 'eip155:1/0x00'), priceKey(long, 'eip155:1/0x00')]) t.ok(key.length < 100)
  t.not(pinKey('https://a.test', 'eip155:1/0x00'), pinKey('https://a.test', 'eip155:2/0x00'))
  t.end()
})
