import t from 'tap'
import {
  bucketOf,
  fingerprintOf,
  type Identity,
  keyHintOf,
  keyPrintOf,
  lookupOf,
  scopeOf,
} from '../../../src/idempotency/lookup.js'

const secret = Buffer.alloc(32, 1)
const identity: Identity = {
  route: 'pay',
  origin: 'https://api.test:443',
  scope: 'local',
  method: 'POST',
  path: '/v1/charges',
  key: 'k-1',
}

t.test('I4: every part of an operation is in its lookup, and none can pass for another', t => {
  const one = lookupOf(secret, identity)
  t.match(one, /^[0-9a-f]{64}$/)
  t.equal(lookupOf(Buffer.from(secret), { ...identity }), one)
  for (const part of Object.keys(identity) as (keyof Identity)[])
    t.not(lookupOf(secret, { ...identity, [part]: `${identity[part]}x` }), one, part)
  t.not(lookupOf(Buffer.alloc(32, 2), identity), one, 'the secret')
  const shifted = { ...identity, method: 'POST","/v1', path: '/charges' }
  t.not(lookupOf(secret, shifted), lookupOf(secret, { ...identity, method: 'POST', path: '/v1","/charges' }))
  t.end()
})

t.test('I5: a fingerprint is of the query, the media type and the body, as bytes or canonical', t => {
  const one = fingerprintOf('a=1', 'application/json', 'bytes', 'd1')
  t.equal(fingerprintOf('a=1', 'application/json', 'bytes', 'd1'), one)
  t.not(fingerprintOf('a=2', 'application/json', 'bytes', 'd1'), one)
  t.not(fingerprintOf('a=1', 'text/json', 'bytes', 'd1'), one)
  t.not(fingerprintOf('a=1', 'application/json', 'bytes', 'd2'), one)
  t.not(fingerprintOf('a=1', 'application/json', 'jcs', 'd1'), one, 'a canonical body never equals bytes')
  t.end()
})

t.test('I4: the scope is the managed credential, else what the client proves itself with, else nobody', t => {
  const scope = (fields: string[], more: { credential?: string; tenants?: string[]; loopback?: boolean } = {}) => {
    const { credential, tenants = [], loopback = false } = more
    return scopeOf(secret, { credential, fields, tenants, loopback })
  }
  const bearer = ['Authorization', 'Bearer a']
  t.equal(
    scope(bearer, { credential: 'c' }),
    scope([], { credential: 'c' }),
    'a managed credential outlives its tokens',
  )
  t.not(scope([], { credential: 'c' }), scope([], { credential: 'd' }))
  t.not(scope(bearer), scope(['Authorization', 'Bearer b']))
  t.not(scope(bearer), scope([...bearer, ...bearer]), 'each line counts')
  t.not(scope(['x-api-key', 'a']), scope(['api-key', 'a']))
  t.equal(scope([...bearer, 'X-Other', '1']), scope(['X-Other', '2', 'AUTHORIZATION', 'Bearer a']))
  const tenants = ['account-id']
  t.not(scope([...bearer, 'Account-Id', '1'], { tenants }), scope([...bearer, 'Account-Id', '2'], { tenants }))
  t.not(
    scope(['Account-Id', '1'], { tenants, credential: 'c' }),
    scope(['Account-Id', '2'], { tenants, credential: 'c' }),
  )
  t.equal(scope(['X-Other', '1']), undefined, 'nothing may be kept for strangers')
  t.equal(scope(['X-Other', '1'], { loopback: true }), 'local')
  t.end()
})

t.test('I13: a key leaves its print and at most half of itself', t => {
  t.match(keyPrintOf(secret, 'a-long-key-of-20-chr'), /^[0-9a-f]{16}$/)
  t.equal(keyHintOf('a-long-key-of-20-chr'), 'a-long-k')
  t.equal(keyHintOf('short-key-of-15'), '')
  t.not(bucketOf('a', 'b'), bucketOf('a', 'c'))
  t.not(bucketOf('a', 'b'), bucketOf('c', 'b'))
  t.end()
})
