import t from 'tap'
import { readOffer } from '../../../src/x402/terms.js'
import {
  answerV1,
  answerV2,
  inBody,
  POLICY,
  requirement,
  requirementV1,
  terms,
  termsV1,
} from '../../support/x402/offers.js'

const both = { fields: answerV2(terms()).fields, body: answerV1(termsV1()).body }

t.test('P1: terms are read where the version keeps them, and the header outweighs the body', t => {
  t.match(readOffer(answerV2(terms()), POLICY), { version: 2, requirements: { length: 1 } })
  t.match(readOffer(answerV1(termsV1()), POLICY), { version: 1, requirements: { length: 1 } })
  t.match(readOffer(both, POLICY), { version: 2 })
  t.match(readOffer(both, { ...POLICY, versions: [1] }), { version: 1 }, 'a route that speaks version 1 alone')
  t.match(readOffer(answerV1(termsV1()), { ...POLICY, versions: [2] }), { unreadable: /no terms of a version/ })
  t.match(readOffer(inBody(JSON.stringify(terms())), { ...POLICY, accept_body_v2: true }), { version: 2 })
  t.end()
})

t.test('null says the same as nothing, as servers in other languages write it', t => {
  const extra = { name: 'USDC', version: '2', paymentFlow: null, assetTransferMethod: null }
  const asked = terms({ error: null, extensions: null, accepts: [requirement({ extra })] })
  const offer = readOffer(answerV2(asked), POLICY)
  t.match(offer, {
    extensionsJson: undefined,
    identifier: false,
    requirements: [{ kind: 'exact', flow: 'authorization', transferMethod: 'eip3009' }],
  })
  const v1 = termsV1({ accepts: [requirementV1({ outputSchema: null, extra: null })] })
  t.match(readOffer(answerV1(v1), POLICY), { requirements: [{ name: undefined, version: undefined }] })
  t.end()
})

t.test('a way to pay that we do not speak is passed over, whatever else it holds', t => {
  const foreign = [
    { scheme: 'upto', network: 'eip155:8453', amount: -1 },
    { scheme: 'exact', network: 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp', amount: '1', asset: 'EPjF', payTo: 'x' },
  ]
  t.match(readOffer(answerV2(terms({ accepts: [...foreign, requirement()] })), POLICY), {
    requirements: [{ kind: 'foreign', scheme: 'upto' }, { kind: 'foreign' }, { kind: 'exact', amount: 10_000n }],
  })
  t.end()
})
