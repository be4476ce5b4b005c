import { test } from 'tap'
import { UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { startUpstream } from '../support/upstream.js'
import { ODD_OFFERS } from '../support/x402/odd-offers.js'
import { answerV1, answerV2, terms, termsV1 } from '../support/x402/offers.js'
import { payingDaemon } from '../support/x402/paid-scene.js'
import { isPaid, ownLines, refusalOf } from '../support/x402/scripted-seller.js'

/** Where a route sends its requests elsewhere, what the seller takes for its port says nothing. */
const ODD = ODD_OFFERS.filter(([name]) => name !== 'another port of the host')
/** Two of these could be paid: the others are worth something only beside them. */
const OFFERS = [['good', answerV2(terms()), ''], ['v1: good', answerV1(termsV1()), ''], ...ODD] as const

test(`P9: ${ODD.length} odd 402s: nothing is signed, and the client's 402 is the seller's byte for byte`, async t => {
  const refusals = OFFERS.map(([, offer]) => refusalOf(offer))
  const seller = await startUpstream(
    seen => (isPaid(seen) ? 'HTTP/1.1 204 Paid\r\n\r\n' : refusals[Number(seen.path.slice(1))]),
    {
      tls: UPSTREAM_CERTIFICATE,
    },
  )
  t.teardown(() => seller.close())
  const { ask, daemon } = await payingDaemon(t, seller.port, 'intercepted', { host: 'api.example' })
  for (const [n, [name, { body }, why]] of OFFERS.entries()) {
    const before = [seller.seen.length, daemon.lines.length] as const
    const got = await ask(`/${n}`)
    const asked = seller.seen.slice(before[0])
    const said = daemon.lines.slice(before[1]).find(({ msg }) => msg === 'payment')
    if (why === '') {
      t.equal(got.status, 204, `${name} is paid`)
      continue
    }
    t.equal(seller.seen.filter(isPaid).length, 2, `${name}: nothing but the good ones is paid`)
    // Longer than any field section that is taken from an upstream: it cannot be given to anybody.
    if (body.length === 2 && (refusals[n]?.length ?? 0) > 65_536) {
      t.equal(got.status, 502, name)
      continue
    }
    const head = refusals[n]?.split('\r\n\r\n')[0] ?? ''
    t.equal(asked.length, 1, `${name}: one request`)
    t.strictSame(ownLines(got.head), ownLines(head), `${name}: ${got.head.slice(0, 200)}`)
    t.ok(got.body.equals(body) && !got.broken, name)
    if (typeof why === 'string') t.equal(said?.['what'], why, name)
    else t.match(String(said?.['detail']), why, name)
  }
})
