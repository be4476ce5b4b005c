import { encodePaymentResponseHeader } from '@x402/core/http'
import fc from 'fast-check'
import t from 'tap'
import { judgePaid, type PaidOutcome, type Standing } from '../../../src/x402/judge-paid.js'
import { readReceipt } from '../../../src/x402/receipt.js'
import { holds } from '../../support/property.js'
import { answerV2, terms } from '../../support/x402/offers.js'

const HASH = `0x${'ab'.repeat(32)}`
const settlement = (changes: object = {}): string =>
  encodePaymentResponseHeader({ success: true, transaction: HASH, network: 'eip155:84532', ...changes } as never)
const refusedBy = (reason: string, transaction = ''): string =>
  settlement({ success: false, transaction, errorReason: reason })
const receipt = (value: string): string[] => ['PAYMENT-RESPONSE', value]

const answer = (status: number, fields: readonly string[] = [], body = '{}', complete = true): PaidOutcome => ({
  kind: 'answer',
  status,
  fields,
  body: Buffer.from(body),
  complete,
})
const termsSaying = (error: string): readonly string[] => answerV2(terms({ error })).fields
const code = (name: string): string => `invalid_exact_evm_${name}`

/** Table 1.4 of the protocol digest, row by row, and the codes that facilitators use. */
const ROWS: readonly (readonly [name: string, outcome: PaidOutcome, standing: Standing])[] = [
  ['200 with a receipt', answer(200, receipt(settlement())), 'settled'],
  ['a receipt of version 1', answer(200, ['x-payment-response', settlement()]), 'settled'],
  ['a receipt, and the body broke off', answer(200, receipt(settlement()), '', false), 'settled'],
  ['a receipt on an error of the handler', answer(500, receipt(settlement())), 'settled'],
  ['200 without a receipt', answer(200), 'delivered_unconfirmed'],
  ['a redirect without a receipt', answer(303), 'delivered_unconfirmed'],
  ['200 with a receipt that is no base64', answer(200, receipt('%%%')), 'delivered_unconfirmed'],
  ['200 with a receipt that is a list', answer(200, receipt('WzFd')), 'delivered_unconfirmed'],
  ['200 without a receipt, and the body broke off', answer(200, [], '', false), 'unknown'],
  ['the bytes were not understood', answer(402, termsSaying('Payment required')), 'refused_live'],
  ['the price went up', answer(402, termsSaying('No matching payment requirements')), 'refused_live'],
  ['a bad signature', answer(402, termsSaying(code('signature'))), 'refused_live'],
  ['no money', answer(402, termsSaying(code('insufficient_balance'))), 'refused_live'],
  ['version 1 says why in the body', answer(402, [], '{"x402Version":1,"error":"insufficient_funds"}'), 'refused_live'],
  ['402 with a page', answer(402, [], '<p>no</p>'), 'refused_live'],
  ['the handler refused', answer(404), 'refused_live'],
  ['a rate limit before the payment', answer(429), 'refused_live'],
  ['settling failed', answer(402, receipt(refusedBy('transaction_failed'))), 'refused_live'],
  ['settling failed after the broadcast', answer(402, receipt(refusedBy('transaction_failed', HASH))), 'unknown'],
  ['the settlement is pending', answer(402, receipt(refusedBy('settlement_pending', HASH))), 'unknown'],
  ['pending, without a hash', answer(402, receipt(refusedBy('settlement_pending'))), 'unknown'],
  ['the facilitator timed out', answer(402, receipt(refusedBy('facilitator timeout'))), 'unknown'],
  ['in flight on Solana', answer(402, receipt(refusedBy('duplicate_settlement'))), 'unknown'],
  ['used, by the terms', answer(402, termsSaying(code('nonce_already_used'))), 'already_used'],
  ['used, by the receipt', answer(402, receipt(refusedBy(code('nonce_already_used')))), 'already_used'],
  ['used, by a body', answer(402, [], `{"error":"${code('nonce_already_used')}"}`), 'already_used'],
  [
    'used, as the contract says it',
    answer(402, termsSaying('FiatTokenV2: authorization is used or canceled')),
    'already_used',
  ],
  ['used, in words', answer(402, [], '{"invalidReason":"nonce already used"}'), 'already_used'],
  ['502 after a settlement', answer(502, [], '{"error":"Facilitator settle request timed out"}'), 'unknown'],
  ['500', answer(500), 'unknown'],
  ['503', answer(503), 'unknown'],
  ['504', answer(504), 'unknown'],
  ['409 while the first one runs', answer(409), 'unknown'],
  ['a lost answer', { kind: 'fault', sent: true }, 'unknown'],
  ['nothing left us', { kind: 'fault', sent: false }, 'unsent'],
]

t.test('P7: how a payment stands after each answer', t => {
  for (const [name, outcome, standing] of ROWS) t.equal(judgePaid(outcome).standing, standing, name)
  t.end()
})

t.test('P7: no 5xx without a receipt, and no lost answer, is ever taken for "not charged"', t => {
  for (let status = 500; status < 600; status++) t.equal(judgePaid(answer(status)).standing, 'unknown', String(status))
  t.end()
})

t.test('a code and a receipt are kept for the ledger, printable and short', t => {
  const { code: said, receipt: kept } = judgePaid(answer(402, receipt(refusedBy(`bad\n${'x'.repeat(500)}`))))
  t.equal(said, `bad ${'x'.repeat(124)}`)
  t.equal(kept?.success, false)
  t.same(readReceipt(receipt(settlement({ payer: '0x1', amount: '12', extra: 1 }))), {
    success: true,
    transaction: HASH,
    network: 'eip155:84532',
    payer: '0x1',
    amount: 12n,
    reason: undefined,
  })
  const unpadded = settlement().replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_')
  t.equal(readReceipt(receipt(unpadded))?.transaction, HASH, 'either alphabet, padded or not')
  t.end()
})

t.test('P11: no receipt and no body can break a paid answer', t => {
  const statuses = fc.constantFrom(200, 204, 302, 402, 404, 502)
  holds(
    t,
    fc.property(
      statuses,
      fc.oneof(
        fc.string(),
        fc.json().map(text => Buffer.from(text).toString('base64')),
      ),
      fc.string(),
      (status, value, body) => {
        const { standing } = judgePaid(answer(status, [...receipt(value), 'PAYMENT-REQUIRED', value], body))
        return standing !== 'unsent'
      },
    ),
    1_000,
  )
  t.end()
})
