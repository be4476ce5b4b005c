import fc from 'fast-check'
import t from 'tap'
import { judgeKey, mintKey, readKey } from '../../../src/http/idempotency-key.js'
import { holds } from '../../support/property.js'

const read = (...fields: string[]) => readKey(fields, 'Idempotency-Key')

t.test('I1: a key is read byte for byte, bare or quoted', t => {
  for (const key of [
    'k',
    'a b',
    '8e03978e-40d5-43dd-bc93-6894a57f9324',
    '"8e03"',
    '"a\\"b"',
    '"open',
    'a,b',
    '{~}',
    'é'.normalize('NFD')[0] ?? '',
  ])
    t.strictSame(read('idempotency-KEY', key), { key }, key)
  t.equal(read('Idempotency-Keys', 'x'), 'absent')
  t.strictSame(readKey(['PayPal-Request-Id', 'x'], 'paypal-request-id'), { key: 'x' })
  t.end()
})

t.test('I1: a key that cannot be used says why', t => {
  const rows: [string[], string][] = [
    [['Idempotency-Key', 'a', 'idempotency-key', 'a'], 'repeated'],
    [['Idempotency-Key', 'a', 'Idempotency-Key', ''], 'repeated'],
    [['Idempotency-Key', ''], 'empty'],
    [['Idempotency-Key', '  '], 'empty'],
    [['Idempotency-Key', '""'], 'empty'],
    [['Idempotency-Key', '" "'], 'empty'],
    [['Idempotency-Key', 'a\tb'], 'characters'],
    [['Idempotency-Key', 'a\0'], 'characters'],
    [['Idempotency-Key', 'a\x7f'], 'characters'],
    [['Idempotency-Key', 'a\r\nX: y'], 'characters'],
    [['Idempotency-Key', 'caf\xe9'], 'characters'],
    [['Idempotency-Key', 'k'.repeat(256)], 'too-long'],
    [['Idempotency-Key', 'k'.repeat(10_240)], 'too-long'],
    [['Idempotency-Key', `"${'k'.repeat(256)}"`], 'too-long'],
  ]
  for (const [fields, invalid] of rows) t.strictSame(read(...fields), { invalid }, JSON.stringify(fields).slice(0, 60))
  t.strictSame(read('Idempotency-Key', 'k'.repeat(255)), { key: 'k'.repeat(255) })
  t.strictSame(read('Idempotency-Key', `"${'k'.repeat(255)}"`), { key: `"${'k'.repeat(255)}"` })
  t.end()
})

t.test('I2: a key in a JSON body is held to the same rules, and must be a text', t => {
  t.equal(judgeKey(undefined), 'absent')
  for (const value of [null, 1, true, ['k'], { key: 'k' }]) t.strictSame(judgeKey(value), { invalid: 'not-text' })
  t.strictSame(judgeKey('k-1'), { key: 'k-1' })
  t.strictSame(judgeKey('k\u2028'), { invalid: 'characters' })
  t.end()
})

t.test('I1: no key that is accepted could end its header line', t => {
  holds(
    t,
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), value => {
      const said = judgeKey(value)
      return typeof said === 'string' || 'invalid' in said || (said.key === value && /^[\x20-\x7e]{1,257}$/.test(value))
    }),
    2_000,
  )
  t.end()
})

t.test('RFC 9562: a minted key has its version, its variant and, as uuid7, its time', t => {
  const ones = new Uint8Array(16).fill(0xff)
  const zeros = new Uint8Array(16)
  t.equal(mintKey('uuid4', ones, 0), 'ffffffff-ffff-4fff-bfff-ffffffffffff')
  t.equal(mintKey('uuid4', zeros, 9), '00000000-0000-4000-8000-000000000000')
  // The example of RFC 9562 appendix A.6.
  const random = Buffer.from('000000000000ecc318c4dc0c0c07398f', 'hex')
  t.equal(mintKey('uuid7', random, 0x017f22e279b0), '017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
  t.strictSame([...ones], new Array(16).fill(0xff), 'the bytes that were given stay as they were')
  t.end()
})

t.test('RFC 9562: a later uuid7 sorts later', t => {
  const random = fc.uint8Array({ minLength: 16, maxLength: 16 })
  const now = fc.integer({ min: 1, max: 2 ** 47 })
  holds(
    t,
    fc.property(random, random, now, (a, b, at) => mintKey('uuid7', a, at - 1) < mintKey('uuid7', b, at)),
    500,
  )
  t.end()
})
