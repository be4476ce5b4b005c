import { parseAuthority } from '../http/authority.js'
import { type Hop, mayCarry } from '../http/cleartext.js'
import type { Millis } from '../time/units.js'
import { type Asset, type AssetKey, assetKey, type PaymentPolicy } from './policy.js'
import type { ExactRequirement, Requirement } from './requirement.js'
import type { Offer } from './terms.js'

/** Why nothing is paid: the same word in log, `Proxy-Status`, metric and ledger. In the order of the checks. */
export const REFUSALS = [
  'insecure', // plain http beyond this machine
  'no-time', // the exchange's deadline is reached
  'version', // of the protocol, not spoken on this route
  'scheme',
  'network',
  'asset',
  'asset-name', // its EIP-712 name or version is not what we know
  'foreign-resource', // the terms are for another host
  'flow', // charged before the answer is there
  'transfer-method',
  'recipient', // not on the list
  'recipient-changed', // not the one that this origin began with
  'validity', // longer than allowed, or over before a payment could arrive
  'amount', // above what one request may cost
  'drift', // too far above what was last paid
] as const

export type RefusalReason = (typeof REFUSALS)[number]

/** State as read just before choosing. */
export type PaymentFacts = {
  /** Wall time, Unix milliseconds. */
  readonly now: number
  /** Where the payment would travel. */
  readonly hop: Hop & { readonly port: number }
  /** The host that the client asked for, where a route sends its requests elsewhere. */
  readonly askedHost: string | undefined
  /** The first recipient of this origin, in lower case, by asset. */
  readonly pinned: ReadonlyMap<AssetKey, string>
  /** Atomic units last paid for the same, by asset. */
  readonly lastPaid: ReadonlyMap<AssetKey, bigint>
  /** Until the exchange's one deadline (L2). */
  readonly timeLeft: Millis
}

/** One requirement that may be paid, and how. */
export type Payment = {
  readonly kind: 'pay'
  readonly requirement: ExactRequirement
  readonly asset: Asset
  /** Atomic units. */
  readonly amount: bigint
  /** In lower case. */
  readonly payTo: string
  /** Unix seconds: the authorization is good after the first and before the second. */
  readonly validAfter: number
  readonly validBefore: number
  /** The recipient is this origin's first for this asset: to be kept before anything is signed. */
  readonly firstUse: boolean
}

export type Refusal = { readonly kind: 'refuse'; readonly reason: RefusalReason; readonly detail: string }

/** A facilitator turns down what ends sooner than this: no use presenting it, nor signing what would never outlive it. */
export const EXPIRY_MARGIN_SECONDS = 6

/** The zero address burns what it is given. */
const NOBODY = `0x${'0'.repeat(40)}`

/**
 * What to pay of an offer: the cheapest requirement of all that fit, the first of equals (P2). When none fits, the reason
 * of the one that came furthest.
 */
export function choose(offer: Offer, policy: PaymentPolicy, facts: PaymentFacts): Payment | Refusal {
  const barred = checkJourney(offer, policy, facts)
  if (barred !== undefined) return barred
  const judged = candidates(offer).map(requirement => judge(requirement, offer, policy, facts))
  const payable = judged.filter(result => result.kind === 'pay')
  const [first, ...others] = payable
  if (first !== undefined) return others.reduce((best, next) => (price(next) < price(best) ? next : best), first)
  const refusals = judged.filter(result => result.kind === 'refuse')
  // An offer lists at least one.
  return refusals.reduce((best, next) => (rank(next) > rank(best) ? next : best))
}

const refuse = (reason: RefusalReason, detail: string): Refusal => ({ kind: 'refuse', reason, detail })

const rank = ({ reason }: Refusal): number => REFUSALS.indexOf(reason)

/** Comparable between tokens of unlike decimals; configurations have at most 36. */
const price = ({ amount, asset }: Payment): bigint => amount * 10n ** BigInt(36 - asset.decimals)

/** A payment of version 1 names a scheme and a network only: the server takes the first of them, whichever was meant. */
function candidates({ version, requirements }: Offer): readonly Requirement[] {
  if (version === 2) return requirements
  const places = requirements.map(requirement => `${requirement.kind} ${requirement.network}`)
  return requirements.filter((_, index) => places.indexOf(places[index] ?? '') === index)
}

function checkJourney({ version }: Offer, policy: PaymentPolicy, { hop, timeLeft }: PaymentFacts): Refusal | undefined {
  if (!mayCarry(hop, policy.allow_insecure)) return refuse('insecure', `${hop.host} is reached by plain http`)
  if (timeLeft <= 0) return refuse('no-time', 'no time is left to pay')
  return policy.versions.includes(version) ? undefined : refuse('version', `version ${version} is not spoken here`)
}

function judge(requirement: Requirement, offer: Offer, policy: PaymentPolicy, facts: PaymentFacts): Payment | Refusal {
  if (requirement.kind === 'foreign') {
    const { scheme, network } = requirement
    return scheme === 'exact'
      ? refuse('network', `network ${quoted(network)}`)
      : refuse('scheme', `scheme ${quoted(scheme)}`)
  }
  const asset = findAsset(requirement, policy)
  if ('kind' in asset) return asset
  const resource = offer.resource ?? requirement.resource
  if (policy.resource === 'origin' && !isOurs(resource, facts)) {
    return refuse('foreign-resource', 'the terms are for another host')
  }
  const payTo = requirement.payTo.toLowerCase()
  return (
    checkWay(requirement) ??
    checkRecipient(payTo, asset, policy, facts) ??
    checkPrice(requirement.amount, asset, policy, facts) ??
    toPayment(requirement, asset, policy, facts, offer.version)
  )
}

/**
 * Only an absolute http URL says anything. Behind a TLS terminator sellers write `http`, and leave out the port that the
 * world sees, so neither of them counts by itself.
 */
function isOurs(resource: string | undefined, { hop, askedHost }: PaymentFacts): boolean {
  const authority = /^https?:\/\/([^/?#]*)/i.exec(resource ?? '')?.[1]
  if (authority === undefined) return !/^[a-z][a-z0-9+.-]*:\/\/|^\/\//i.test(resource ?? '')
  const said = parseAuthority(authority.toLowerCase(), 0)
  if (said === undefined) return false
  if (said.host === askedHost) return true
  return said.host === hop.host && (said.port === 0 || said.port === hop.port)
}

function findAsset({ chain, asset, name, version }: ExactRequirement, policy: PaymentPolicy): Asset | Refusal {
  if (!policy.chains.includes(chain)) return refuse('network', `${chain} is not allowed`)
  const known = policy.assets.find(({ chain: home, address }) => home === chain && address === asset)
  if (known === undefined) return refuse('asset', `${asset} on ${chain} is not allowed`)
  if (known.name === name && known.version === version) return known
  return refuse('asset-name', `${known.symbol} is not what the terms call it`)
}

function checkWay({ flow, transferMethod }: ExactRequirement): Refusal | undefined {
  if (flow !== 'authorization') return refuse('flow', `payment flow ${quoted(flow)}`)
  return transferMethod === 'eip3009' ? undefined : refuse('transfer-method', `method ${quoted(transferMethod)}`)
}

function checkRecipient(
  payTo: string,
  asset: Asset,
  { pay_to }: PaymentPolicy,
  { pinned }: PaymentFacts,
): Refusal | undefined {
  if (payTo === NOBODY) return refuse('recipient', 'the zero address')
  if (pay_to.length > 0) return pay_to.includes(payTo) ? undefined : refuse('recipient', `${payTo} is not on the list`)
  const first = pinned.get(assetKey(asset))
  if (first === undefined || first === payTo) return undefined
  return refuse('recipient-changed', `${payTo} instead of ${first}`)
}

function checkPrice(amount: bigint, asset: Asset, policy: PaymentPolicy, facts: PaymentFacts): Refusal | undefined {
  const { symbol } = asset
  const most = Object.hasOwn(policy.max, symbol) ? policy.max[symbol] : undefined
  if (most === undefined || amount > most) {
    return refuse('amount', `${amount} units of ${symbol}, at most ${most ?? 0n} for one request`)
  }
  const last = facts.lastPaid.get(assetKey(asset))
  if (policy.drift === undefined || last === undefined) return undefined
  // Thousandths: no float touches money.
  if (amount * 1_000n <= last * BigInt(Math.round(policy.drift * 1_000))) return undefined
  return refuse('drift', `${amount} units of ${symbol}, last time ${last}`)
}

function toPayment(
  requirement: ExactRequirement,
  asset: Asset,
  policy: PaymentPolicy,
  { now, pinned }: PaymentFacts,
  version: 1 | 2,
): Payment | Refusal {
  const { amount, maxTimeoutSeconds } = requirement
  const longest = Math.floor(policy.max_timeout / 1_000)
  if (maxTimeoutSeconds > longest && policy.when_longer === 'refuse') {
    return refuse('validity', `${maxTimeoutSeconds}s is longer than ${longest}s`)
  }
  const life = Math.min(maxTimeoutSeconds, longest)
  if (life <= EXPIRY_MARGIN_SECONDS) return refuse('validity', `${life}s is too short to be presented`)
  const today = Math.floor(now / 1_000)
  return {
    kind: 'pay',
    requirement,
    asset,
    amount,
    payTo: requirement.payTo.toLowerCase(),
    // Version 1 facilitators expect a past one; ten minutes allow for their clocks.
    validAfter: version === 1 ? today - 600 : 0,
    validBefore: today + life,
    firstUse: policy.pay_to.length === 0 && !pinned.has(assetKey(asset)),
  }
}

/** A stranger's word for the log: short, and nothing in it moves a terminal. */
const quoted = (word: string): string => JSON.stringify(word.slice(0, 40).replace(/[^\x20-\x7e]/g, '?'))
