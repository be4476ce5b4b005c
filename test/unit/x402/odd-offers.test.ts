import t from 'tap'
import { choose, REFUSALS } from '../../../src/x402/choose.js'
import { readOffer } from '../../../src/x402/terms.js'
import { ODD_OFFERS } from '../../support/x402/odd-offers.js'
import { answerV1, answerV2, FACTS, POLICY, terms, termsV1 } from '../../support/x402/offers.js'

/** The word of a refusal, or why the terms cannot be read. */
function verdictOn(answer: { fields: readonly string[]; body: Buffer }): string {
  const offer = readOffer(answer, POLICY)
  if ('unreadable' in offer) return offer.unreadable
  const chosen = choose(offer, POLICY, FACTS)
  return chosen.kind === 'refuse' ? chosen.reason : 'paid'
}

t.test('P1: the offers that the odd ones are made from are paid', t => {
  t.equal(verdictOn(answerV2(terms())), 'paid')
  t.equal(verdictOn(answerV1(termsV1())), 'paid')
  t.end()
})

t.test(`P2: ${ODD_OFFERS.length} hostile or odd offers are not paid, each for its own reason`, t => {
  t.ok(ODD_OFFERS.length >= 60)
  const reasons = new Set<unknown>(ODD_OFFERS.map(([, , why]) => why))
  const ofFacts = ['insecure', 'no-time', 'version', 'recipient-changed', 'drift']
  t.same(
    REFUSALS.filter(reason => !reasons.has(reason)),
    ofFacts,
    'every reason that lies in the offer is here',
  )
  t.equal(new Set(ODD_OFFERS.map(([name]) => name)).size, ODD_OFFERS.length, 'each has a name of its own')
  for (const [name, answer, why] of ODD_OFFERS) {
    const verdict = verdictOn(answer)
    if (typeof why === 'string') t.equal(verdict, why, name)
    else t.match(verdict, why, name)
  }
  t.end()
})
