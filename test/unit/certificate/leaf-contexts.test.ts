import { X509Certificate } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import t from 'tap'
import { LeafContexts } from '../../../src/certificate/leaf-contexts.js'
import { createCa } from '../../../src/certificate/local-ca.js'
import { ManualClock } from '../../support/clock.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const clock = new ManualClock()
const ca = await createCa(undefined, clock)

/** The certificate that a context holds. */
function leafOf({ context }: SecureContext): X509Certificate {
  const { getCertificate } = context as { getCertificate(): Buffer }
  return new X509Certificate(getCertificate.call(context))
}

t.test('FP-23: a hundred that ask at once for a name share one certificate, later ones get it at once', async t => {
  const contexts = new LeafContexts(ca, clock)
  const asked = await Promise.all(Array.from({ length: 100 }, () => contexts.get('a.test')))
  t.equal(new Set(asked).size, 1)
  t.equal(contexts.size, 1)
  t.equal(contexts.get('a.test'), asked[0], 'no promise on the hot path')
  const other = await contexts.get('b.test')
  t.not(leafOf(other).serialNumber, leafOf(await contexts.get('a.test')).serialNumber)
  t.ok(leafOf(other).publicKey.equals(leafOf(await contexts.get('a.test')).publicKey), 'one key for all leaves')
  t.not(
    leafOf(await new LeafContexts(ca, clock).get('a.test')).publicKey.equals(leafOf(other).publicKey),
    true,
    'but not for all processes',
  )
})

t.test(
  'F4: a leaf lives 30 days in all, two of them in the past, and is made anew when less than one is left',
  async t => {
    const clock = new ManualClock()
    const contexts = new LeafContexts(ca, clock)
    const first = await contexts.get('a.test')
    const [notBefore, notAfter] = [Date.parse(leafOf(first).validFrom), Date.parse(leafOf(first).validTo)]
    t.equal(clock.now() - notBefore, 2 * DAY)
    t.equal(notAfter - notBefore + 1_000, 30 * DAY)
    clock.advance(notAfter - DAY - clock.now() - 1)
    t.equal(contexts.get('a.test'), first)
    clock.advance(1)
    const [second, again] = await Promise.all([contexts.get('a.test'), contexts.get('a.test')])
    t.not(second, first)
    t.equal(second, again)
    t.equal(contexts.size, 1)
    t.equal(clock.now() - Date.parse(leafOf(second).validFrom), 2 * DAY)
  },
)

t.test('a clock set back by more than the two days gets a leaf that is valid then', async t => {
  let now = Date.UTC(2027, 0, 20)
  const contexts = new LeafContexts(ca, { ...clock, now: () => now })
  const first = await contexts.get('a.test')
  now -= 2 * DAY
  t.equal(contexts.get('a.test'), first)
  now -= 1_000
  t.equal(Date.parse(leafOf(await contexts.get('a.test')).validFrom), now - 2 * DAY)
})

t.test('FP-23: it keeps the last used names, up to its size', async t => {
  const contexts = new LeafContexts(ca, clock, 3)
  const first = await contexts.get('a.test')
  const second = await contexts.get('b.test')
  await contexts.get('c.test')
  t.equal(contexts.get('a.test'), first, 'now the last used one')
  await contexts.get('d.test')
  t.equal(contexts.size, 3)
  t.equal(contexts.get('a.test'), first)
  t.not(await contexts.get('b.test'), second)
})

t.test('a name that cannot be certified fails each time it is asked for, and leaves nothing behind', async t => {
  const contexts = new LeafContexts({ ...ca, pem: 'none' }, clock)
  await t.rejects(Promise.resolve(contexts.get('a.test')))
  await t.rejects(Promise.resolve(contexts.get('a.test')))
  t.equal(contexts.size, 0)
})
