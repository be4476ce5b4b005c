import { validateHeaderName, validateHeaderValue } from 'node:http'
import { isIP } from 'node:net'
import { canonicalAddress, readNames } from '../../../src/certificate/certified-names.js'
import { type ClaimRecord, decodeRecord, encodeRecord } from '../../../src/idempotency/claim-record.js'
import { decodeAnswer, encodeAnswer } from '../../../src/idempotency/stored-answer.js'
import { decodePurchase, encodePurchase, newPurchase } from '../../../src/ledger/purchase-record.js'
import { decodeSpend, encodeSpend } from '../../../src/ledger/spend.js'
import { makeCertificate } from '../../support/certificate.js'
import { type Dice, type Subject, wrongly } from '../../support/fuzz.js'

const WORDS = [
  '\0',
  '\x01',
  '\xff',
  'e999',
  '"',
  ',',
  '[',
  ']',
  '{',
  '}',
  '0',
  '-',
  'null',
  'true',
  '\\',
  '9'.repeat(20),
  'completed',
]
const show = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part))

/** As a disk could leave it: damaged, or cut short. */
function damaged(dice: Dice, bytes: Buffer): Buffer {
  const numbers = bytes.toString('latin1').split(/(?<=[1-9]\d*)(?=,)/)
  const place = dice.below(numbers.length)
  const huge = dice.chance(0.1) ? numbers.map((part, i) => (i === place ? `${part}e999` : part)).join('') : undefined
  const octets = huge ?? dice.mutate(bytes.toString('latin1'), WORDS)
  return Buffer.from(dice.chance(0.2) ? octets.slice(0, dice.below(octets.length + 1)) : octets, 'latin1')
}

const someClaim = (dice: Dice): ClaimRecord => ({
  state: dice.pick(['open', 'completed', 'bodiless', 'uncertain']),
  fingerprint: dice.word('0af', 8),
  owner: 'o',
  instance: 'i',
  resumed: dice.chance(0.5),
  claimedAt: dice.below(1e9),
  leaseUntil: dice.below(1e9),
  expiresAt: dice.below(1e9),
  status: dice.pick([undefined, 200, 503]),
  about: { route: dice.word('aé"', 5), origin: 'http://a.test', method: 'POST', keyPrint: '00', keyHint: '' },
})

const claims: Subject = {
  parser: 'idempotency/claim-record.ts decodeRecord',
  promise: 'gives back what was written, and of a damaged record nothing, or one that is whole in form',
  weight: 3,
  run: dice => {
    const record = someClaim(dice)
    const bytes = encodeRecord(record)
    if (show(decodeRecord(bytes)) !== show(record)) return wrongly(record, decodeRecord(bytes))
    const other = decodeRecord(damaged(dice, bytes))
    if (other === undefined) return undefined
    const isWhole =
      [other.claimedAt, other.leaseUntil, other.expiresAt].every(Number.isFinite) &&
      typeof other.about.keyHint === 'string'
    return isWhole && show(decodeRecord(encodeRecord(other))) === show(other) ? undefined : wrongly(record, other)
  },
}

const answers: Subject = {
  parser: 'idempotency/stored-answer.ts decodeAnswer',
  promise:
    'gives back what was written, to its own claim alone, and of a damaged answer nothing, or one that can be sent',
  weight: 3,
  run: dice => {
    const answer = {
      status: 200,
      reason: dice.word('OK é', 4),
      fields: dice.list(3, () => ['A', dice.word('a \t\xe9"', 5)]).flat(),
      body: Buffer.from(dice.octets(20), 'latin1'),
    }
    const bytes = encodeAnswer('me', answer)
    if (show(decodeAnswer(bytes, 'me')) !== show(answer) || decodeAnswer(bytes, 'you') !== undefined)
      return wrongly(answer)
    const other = decodeAnswer(damaged(dice, bytes), 'me')
    if (other === undefined) return undefined
    // Throws for what node:http would not send.
    for (const [i, text] of other.fields.entries()) {
      if (i % 2 === 0) validateHeaderName(text)
      else validateHeaderValue('a', text)
    }
    validateHeaderValue('reason', other.reason)
    const isStatus = other.status >= 200 && other.status < 600 && Number.isInteger(other.status)
    return isStatus && other.fields.length % 2 === 0 ? undefined : wrongly(answer, other)
  },
}

const LIMITS = { per_request: {}, per_hour: {}, per_day: {}, total: {}, per_minute: undefined }
const ask = {
  route: 'r',
  wallet: 'w',
  client: 'c',
  purchaseKey: 'k',
  keyed: false,
  resource: 'https://a.test/',
  payTo: '0x0',
  limits: LIMITS,
  pin: undefined,
}
const asset = { chain: 'eip155:1', address: '0x1', symbol: 'USDC', decimals: 6, name: 'USDC', version: '2' } as const

const purchases: Subject = {
  parser: 'ledger/purchase-record.ts decodePurchase',
  promise:
    'gives back what was written, to the last unit, and of a damaged record nothing, or one with times that are numbers and an amount in whole units',
  weight: 2,
  run: dice => {
    const amount = BigInt(`0x${dice.word('0123456789abcdef', 60, 1)}`)
    const record = newPurchase(
      { ...ask, asset, amount },
      { owner: 'o', suffix: 'ab', instance: 'i', now: dice.below(1e9) },
    )
    const bytes = encodePurchase(record)
    if (decodePurchase(bytes)?.amount !== amount || show(decodePurchase(bytes)) !== show(record))
      return wrongly(record, decodePurchase(bytes))
    const other = decodePurchase(damaged(dice, bytes))
    if (other === undefined) return undefined
    const isWhole = [
      other.reservedAt,
      other.signedAt,
      other.endedAt,
      other.validBefore,
      other.decimals,
      other.status,
    ].every(Number.isFinite)
    return isWhole && other.amount >= 0n ? undefined : wrongly(record, other)
  },
}

const spends: Subject = {
  parser: 'ledger/spend.ts decodeSpend',
  promise: 'gives back what was spent, and damage gives nothing, or sums in whole units: never a sum that is no number',
  weight: 2,
  run: dice => {
    const spend = new Map(dice.list(4, () => [`day/${dice.below(9)}/USDC`, BigInt(dice.below(1e9))] as const))
    const bytes = encodeSpend(spend)
    if (show([...(decodeSpend(bytes) ?? [])]) !== show([...spend])) return wrongly([...spend])
    const other = decodeSpend(damaged(dice, bytes))
    return other === undefined || [...other.values()].every(units => typeof units === 'bigint' && units >= 0n)
      ? undefined
      : wrongly([...spend], [...other])
  },
}

const { cert } = makeCertificate()
const DER = Buffer.from(String(cert).replace(/-----[^-]+-----|\s/g, ''), 'base64')

const certificates: Subject = {
  parser: 'certificate/certified-names.ts readNames canonicalAddress',
  promise:
    'no damaged certificate makes it fail but as a RangeError, and an address has one spelling that is an address',
  weight: 1,
  run: dice => {
    try {
      readNames(damaged(dice, DER))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    const text = dice.from(
      ['::1', '1.2.3.4', '::ffff:1.2.3.4', '2001:DB8::', 'fe80::1'],
      [':', '::', '0', 'f', '.', '1.2.3.4'],
    )
    // Neither the configuration nor a request can name a zone.
    if (isIP(text) === 0 || text.includes('%')) return undefined
    const one = canonicalAddress(text)
    return isIP(one) === isIP(text) && canonicalAddress(one) === one ? undefined : wrongly(text, one)
  },
}

export const STORES: readonly Subject[] = [claims, answers, purchases, spends, certificates]
