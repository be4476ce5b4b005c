import { canonicalSignature } from '../../../src/signer/verified-signer.js'
import { decodeBase64 } from '../../../src/x402/base64.js'
import { parseChain } from '../../../src/x402/networks.js'
import { paymentField } from '../../../src/x402/payment-field.js'
import { readReceipt, refusalCode } from '../../../src/x402/receipt.js'
import { readRequirement } from '../../../src/x402/requirement.js'
import { readOffer } from '../../../src/x402/terms.js'
import { type Dice, type Subject, wrongly } from '../../support/fuzz.js'
import { requirement, terms, termsV1 } from '../../support/x402/offers.js'
import { jsonValue } from './json.js'

const SPEAKS = { versions: [1, 2], accept_body_v2: true } as const
const AMOUNTS = ['10000', '0', '-1', '1.5', 10_000, '1e3', '9'.repeat(78), '9'.repeat(79), '', '010']
const WORDS = [
  '"',
  ',',
  ':',
  '{',
  '}',
  '[',
  ']',
  '0',
  '9',
  '-',
  '.',
  'e5',
  'null',
  '\\u0030',
  '"amount":"1",',
  '\0',
  ' ',
  '0x',
  'x402Version',
]
const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')

function someTerms(dice: Dice): string {
  const changes = dice.chance(0.3)
    ? {
        [dice.pick([
          'amount',
          'maxAmountRequired',
          'maxTimeoutSeconds',
          'asset',
          'payTo',
          'network',
          'scheme',
          'extra',
        ])]: dice.chance(0.7) ? dice.pick(AMOUNTS) : jsonValue(dice, 2),
      }
    : {}
  const value = dice.chance(0.5) ? terms({}, changes) : termsV1({}, changes)
  const text = JSON.stringify(value, undefined, dice.pick(['', ' ']))
  return dice.chance(0.3) ? text : dice.mutate(text, WORDS)
}

const offers: Subject = {
  parser: 'x402/terms.ts readOffer',
  promise:
    'reads amounts, recipients and bytes that JSON.parse finds in the same terms, of either version, or says why not',
  weight: 3,
  run: dice => {
    const text = someTerms(dice)
    const inHeader = dice.chance(0.5)
    const offer = readOffer(
      inHeader
        ? { fields: ['PAYMENT-REQUIRED', base64(text)], body: Buffer.alloc(0) }
        : { fields: [], body: Buffer.from(text) },
      SPEAKS,
    )
    if ('unreadable' in offer) return offer.unreadable === '' ? wrongly(text, offer) : undefined
    // As it crossed the wire: what damage left of half a surrogate pair is no UTF-8.
    const said = JSON.parse(Buffer.from(text).toString()) as {
      x402Version: unknown
      accepts: Record<string, unknown>[]
    }
    if (said.x402Version !== offer.version || said.accepts.length !== offer.requirements.length)
      return wrongly(text, offer)
    for (const [i, one] of offer.requirements.entries()) {
      if (one.kind === 'foreign') continue
      const own = said.accepts[i] ?? {}
      const amount = own[offer.version === 1 ? 'maxAmountRequired' : 'amount']
      const isSame =
        one.amount === BigInt(String(amount)) &&
        one.payTo === own['payTo'] &&
        one.asset === String(own['asset']).toLowerCase()
      if (!isSame || JSON.stringify(JSON.parse(one.json)) !== JSON.stringify(own)) return wrongly(text, one)
    }
    return undefined
  },
}

const requirements: Subject = {
  parser: 'x402/requirement.ts readRequirement',
  promise: 'takes no amount but decimal digits below 2^256, no address but 20 bytes, and no other JSON makes it throw',
  weight: 3,
  run: dice => {
    const name = dice.pick(['amount', 'maxTimeoutSeconds', 'asset', 'payTo', 'network', 'extra', 'scheme'])
    const value = dice.chance(0.5)
      ? requirement({ [name]: dice.chance(0.6) ? dice.pick(AMOUNTS) : jsonValue(dice) })
      : jsonValue(dice)
    const read = readRequirement(value, JSON.stringify(value), dice.pick([1, 2]))
    if (typeof read === 'string' || read.kind === 'foreign') return undefined
    const isFit =
      read.amount >= 0n && read.amount < 2n ** 256n && /^0x[\da-f]{40}$/.test(read.asset) && read.maxTimeoutSeconds > 0
    return isFit ? undefined : wrongly(value, read)
  },
}

const codec: Subject = {
  parser: 'x402/base64.ts decodeBase64',
  promise: 'reads the one spelling that Buffer writes, and no other',
  weight: 3,
  run: dice => {
    const octets = Buffer.from(dice.octets(12), 'latin1')
    if (decodeBase64(octets.toString('base64'))?.equals(octets) !== true) return wrongly(octets.toString('hex'))
    const text = dice.mutate(octets.toString('base64'), ['=', '-', '_', '+', '/', ' ', '\n', 'A', 'B'])
    const read = decodeBase64(text)
    const isOne = Buffer.from(text, 'base64').toString('base64') === text
    return (read !== undefined) === isOne ? undefined : wrongly(text, read?.toString('hex'))
  },
}

const payments: Subject = {
  parser: 'x402/payment-field.ts paymentField',
  promise: 'what goes to the server is base64 of JSON that holds the accepted requirement byte for byte',
  weight: 1,
  run: dice => {
    const text = JSON.stringify(
      terms({
        extensions: dice.pick([
          undefined,
          { 'payment-identifier': { info: { required: true } } },
          { x: jsonValue(dice) },
        ]),
      }),
      undefined,
      dice.pick(['', ' ']),
    )
    const offer = readOffer({ fields: ['payment-required', base64(text)], body: Buffer.alloc(0) }, SPEAKS)
    const first = 'unreadable' in offer ? undefined : offer.requirements[0]
    if ('unreadable' in offer || first?.kind !== 'exact') return wrongly(text, offer)
    const { value } = paymentField(offer, first, '{"signature":"0x"}', dice.chance(0.5) ? 'pay_1' : undefined)
    const sent = Buffer.from(value, 'base64').toString()
    const said = JSON.parse(sent) as Record<string, unknown>
    return sent.includes(first.json) &&
      said['x402Version'] === 2 &&
      JSON.stringify(said['accepted']) === JSON.stringify(JSON.parse(first.json))
      ? undefined
      : wrongly(text, sent)
  },
}

const receipts: Subject = {
  parser: 'x402/receipt.ts readReceipt refusalCode',
  promise: 'no answer that was paid for makes it throw, and what it keeps is printable and short',
  weight: 3,
  run: dice => {
    const said = {
      success: dice.pick([true, false, 1]),
      transaction: dice.octets(200),
      network: 'eip155:1',
      amount: dice.pick(AMOUNTS),
      errorReason: jsonValue(dice, 1),
    }
    const value = dice.mutate(base64(JSON.stringify(said)), ['=', '-', ' ', 'A', '\xff'])
    const fields = [dice.pick(['PAYMENT-RESPONSE', 'X-PAYMENT-RESPONSE', 'payment-required']), value]
    const receipt = readReceipt(fields)
    const code = refusalCode(
      fields,
      dice.chance(0.5) ? Buffer.from(dice.mutate(JSON.stringify(said), WORDS)) : undefined,
    )
    const words = [receipt?.transaction, receipt?.network, receipt?.payer, receipt?.reason, code]
    return words.every(word => word === undefined || /^[ -~]{0,128}$/.test(word))
      ? undefined
      : wrongly(fields, receipt, code)
  },
}

const chains: Subject = {
  parser: 'x402/networks.ts parseChain',
  promise: 'has one spelling for one chain',
  weight: 1,
  run: dice => {
    const text = dice.from(
      ['eip155:1', 'eip155:84532', 'eip155:9007199254740993', 'solana:x'],
      ['0', '1', ':', 'e', ' ', '-', '9'.repeat(16)],
    )
    const chain = parseChain(text)
    return chain === undefined || (chain === text && Number.isSafeInteger(Number(text.slice(7))))
      ? undefined
      : wrongly(text, chain)
  },
}

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

const signatures: Subject = {
  parser: 'signer/verified-signer.ts canonicalSignature',
  promise:
    'has a low s and a recovery byte of 27 or 28, is its own form, and flips the recovery exactly when it flips s',
  weight: 2,
  run: dice => {
    const half = () => dice.word('0123456789abcdef', 64, 64)
    const text = dice.mutate(
      `${dice.pick(['', '0x'])}${half()}${dice.pick([half(), `${'0'.repeat(63)}1`, (ORDER - 1n).toString(16)])}${dice.pick(['00', '01', '1b', '1c', '1C'])}`,
      ['', 'g', '0x', ' '],
    )
    const form = canonicalSignature(text)
    if (form === undefined) return undefined
    const s = (of: string) => BigInt(`0x${of.trim().replace(/^0x/, '').slice(64, 128)}`)
    const odd = (of: string) => /(?:01|1c)$/i.test(of.trim())
    const isLow = s(form) <= ORDER / 2n && s(form) > 0n && /^0x[\da-f]{128}1[bc]$/.test(form)
    const isFlipped =
      (s(form) !== s(text)) === (odd(form) !== odd(text)) && (s(form) === s(text) || s(form) === ORDER - s(text))
    return isLow && isFlipped && canonicalSignature(form) === form ? undefined : wrongly(text, form)
  },
}

export const MONEY: readonly Subject[] = [offers, requirements, codec, payments, receipts, chains, signatures]
