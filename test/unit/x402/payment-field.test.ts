import { decodePaymentRequiredHeader, decodePaymentSignatureHeader, encodePaymentRequiredHeader } from '@x402/core/http'
import { validatePaymentPayload } from '@x402/core/schemas'
import { declarePaymentIdentifierExtension, extractPaymentIdentifier } from '@x402/extensions/payment-identifier'
import fc from 'fast-check'
import t from 'tap'
import { exactScheme } from '../../../src/x402/authorization.js'
import { choose } from '../../../src/x402/choose.js'
import { paymentField } from '../../../src/x402/payment-field.js'
import { paymentIdentifier } from '../../../src/x402/payment-identifier.js'
import { type Offer, readOffer } from '../../../src/x402/terms.js'
import { holds } from '../../support/property.js'
import {
  type Answer,
  answerV1,
  answerV2,
  FACTS,
  inHeader,
  POLICY,
  requirement,
  terms,
  termsV1,
} from '../../support/x402/offers.js'

const PAYER = '0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A'
const ID = paymentIdentifier(Buffer.alloc(16, 7))
const SIGNATURE = `0x${'5'.repeat(128)}1b`
const IDENTIFIER = { 'payment-identifier': declarePaymentIdentifierExtension(false) }

/** What goes to the server, once the offer is chosen and signed. */
function pay(answer: Answer, identifier: string | 'none' = ID) {
  const offer = readOffer(answer, POLICY)
  if ('unreadable' in offer) throw new Error(offer.unreadable)
  const payment = choose(offer, POLICY, FACTS)
  if (payment.kind === 'refuse') throw new Error(payment.reason)
  const draft = exactScheme.draft(payment, PAYER, Buffer.alloc(32, 3))
  return {
    offer,
    payment,
    draft,
    field: paymentField(
      offer,
      payment.requirement,
      draft.payload(SIGNATURE),
      identifier === 'none' ? undefined : identifier,
    ),
  }
}

const decoded = (value: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(value, 'base64').toString()) as Record<string, unknown>

t.test('version 1 goes in X-PAYMENT with the network as it was named', t => {
  const { field } = pay(answerV1(termsV1()))
  t.equal(field.name, 'X-PAYMENT')
  const { x402Version, scheme, network, payload, ...rest } = decoded(field.value)
  t.same({ x402Version, scheme, network, rest }, { x402Version: 1, scheme: 'exact', network: 'base-sepolia', rest: {} })
  t.match(payload, {
    signature: SIGNATURE,
    authorization: { from: PAYER, value: '10000', nonce: `0x${'03'.repeat(32)}` },
  })
  t.ok(validatePaymentPayload(decodePaymentSignatureHeader(field.value)), 'the official schema agrees')
  t.end()
})

t.test('version 2 echoes requirement, resource and extensions, and the official decoder reads it', t => {
  const asked = terms({ extensions: { other: { info: { a: [1, 2] }, schema: {} } } })
  const answer: Answer = {
    fields: ['payment-required', encodePaymentRequiredHeader(asked as never)],
    body: Buffer.alloc(0),
  }
  const { field } = pay(answer)
  t.equal(field.name, 'PAYMENT-SIGNATURE')
  const sent = decodePaymentSignatureHeader(field.value)
  t.same(validatePaymentPayload(sent).x402Version, 2)
  t.same(sent.accepted, requirement())
  t.same(sent.resource, asked['resource'])
  t.same(sent.extensions, asked['extensions'])
  t.end()
})

t.test('the accepted requirement keeps its bytes: order, big integers, escapes, white space', t => {
  const odd = `{ "extra":{"version":"2","name":"USDC","big":123456789012345678901234567890, "e":1.50e+2},
    "payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    "maxTimeoutSeconds":6e1,"scheme":"\\u0065xact", "network":"eip155:84532","amount":"10000"}`
  const { field } = pay(inHeader(`{"x402Version":2,"resource":{"url":"/x"},"accepts":[${odd}]}`))
  t.ok(Buffer.from(field.value, 'base64').toString().includes(`"accepted":${odd},`))
  t.end()
})

t.test('P6: an identifier goes along exactly where the server takes one, and the official server finds it', t => {
  t.match(ID, /^pay_[0-9a-f]{32}$/)
  const sent = decodePaymentSignatureHeader(pay(answerV2(terms({ extensions: IDENTIFIER }))).field.value)
  t.equal(extractPaymentIdentifier(sent), ID)
  t.same((sent.extensions as typeof IDENTIFIER)['payment-identifier'].schema, IDENTIFIER['payment-identifier'].schema)
  const without: [string, Record<string, unknown>, string][] = [
    ['nothing was offered', {}, ID],
    ['we have none', { extensions: IDENTIFIER }, 'none'],
    [
      'the server chose one',
      { extensions: { 'payment-identifier': { info: { required: true, id: 'x'.repeat(20) } } } },
      ID,
    ],
    ['its info is malformed', { extensions: { 'payment-identifier': { info: [] } } }, ID],
  ]
  for (const [name, changes, id] of without) {
    const { field } = pay(answerV2(terms(changes)), id)
    t.notOk(Buffer.from(field.value, 'base64').toString().includes(ID), name)
    t.same(decoded(field.value)['extensions'], changes['extensions'], name)
  }
  t.end()
})

t.test('extensions too long for a header are left out whole, the identifier last', t => {
  const pad = { info: { text: 'x'.repeat(20_000) } }
  const { field } = pay(answerV2(terms({ extensions: { pad, ...IDENTIFIER } })))
  t.ok(field.value.length < 8_192)
  const sent = decodePaymentSignatureHeader(field.value)
  t.same(Object.keys(sent.extensions ?? {}), ['payment-identifier'])
  t.equal(extractPaymentIdentifier(sent), ID)
  const none = pay(answerV2(terms({ extensions: { pad } }))).field
  t.equal(decoded(none.value)['extensions'], undefined)
  t.end()
})

t.test('what is signed has our domain and the amounts of the offer', t => {
  const { draft } = pay(answerV2(terms()))
  t.match(draft.typed, {
    primaryType: 'TransferWithAuthorization',
    domain: {
      name: 'USDC',
      version: '2',
      chainId: '84532',
      verifyingContract: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
    },
    message: { value: '10000', validAfter: '0', nonce: draft.nonce, from: PAYER.toLowerCase() },
  })
  t.equal(exactScheme.randomBytes, 32)
  t.end()
})

const json = fc.jsonValue({ maxDepth: 3 })

t.test('what the official encoder writes is read, and comes back to the official decoder as it was', t => {
  holds(
    t,
    fc.property(
      fc.dictionary(fc.string({ maxLength: 8 }), json, { maxKeys: 4 }),
      json,
      fc.string(),
      (extra, info, url) => {
        const extensions = { other: { info, schema: {} } }
        const accepted = requirement({
          extra: { ...extra, name: 'USDC', version: '2', paymentFlow: null, assetTransferMethod: null },
        })
        const asked = terms({ accepts: [accepted], extensions, resource: { url: `/x${url}` } })
        const value = encodePaymentRequiredHeader(asked as never)
        const { field } = pay({ fields: ['PAYMENT-REQUIRED', value], body: Buffer.alloc(0) })
        const sent = decodePaymentSignatureHeader(field.value)
        const same = decodePaymentRequiredHeader(value)
        t.same(sent.accepted, same.accepts[0])
        t.same(sent.extensions, same.extensions)
        t.same(sent.resource, same.resource)
      },
    ),
    100,
  )
  t.end()
})

t.test('no bytes in a 402 make the reader throw', t => {
  const text = JSON.stringify(terms({ extensions: IDENTIFIER }))
  const spoilt = fc
    .tuple(fc.nat(text.length), fc.nat(12), fc.uint8Array({ maxLength: 6 }))
    .map(([at, gone, put]) => Buffer.concat([Buffer.from(text.slice(0, at)), put, Buffer.from(text.slice(at + gone))]))
  const isRead = (offer: Offer | { unreadable: string }) => 'unreadable' in offer || offer.requirements.length > 0
  holds(
    t,
    fc.property(fc.oneof(spoilt, fc.uint8Array().map(Buffer.from)), bytes => {
      const policy = { versions: [1, 2], accept_body_v2: true } as const
      return isRead(readOffer(inHeader(bytes), policy)) && isRead(readOffer({ fields: [], body: bytes }, policy))
    }),
    2_000,
  )
  t.end()
})
