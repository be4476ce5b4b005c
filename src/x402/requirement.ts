import { isObject, type JsonObject } from '../json/read.js'
import { type Chain, namedChain, parseChain } from './networks.js'

/** One way to pay, as an offer lists it. */
export type Requirement = ExactRequirement | ForeignRequirement

/** Scheme `exact` on an EVM chain, every field checked. */
export type ExactRequirement = {
  readonly kind: 'exact'
  /** As written: version 1 sends it back. */
  readonly network: string
  readonly chain: Chain
  /** Atomic units. */
  readonly amount: bigint
  /** In lower case. */
  readonly asset: string
  /** As written: its spelling goes back to the server. */
  readonly payTo: string
  readonly maxTimeoutSeconds: number
  /** EIP-712 domain of the asset, as the server believes it to be. */
  readonly name: string | undefined
  readonly version: string | undefined
  readonly flow: string
  readonly transferMethod: string
  /** What is bought; version 1 says it here. */
  readonly resource: string | undefined
  /** The requirement's own bytes: version 2 sends them back unchanged. */
  readonly json: string
}

/** A scheme or a network that we do not speak: nothing else of it is looked at. */
type ForeignRequirement = { readonly kind: 'foreign'; readonly scheme: string; readonly network: string }

/** 2²⁵⁶-1 has 78 digits. */
const DIGITS = /^\d{1,78}$/
const MOST_UNITS = 2n ** 256n
const ADDRESS = /^0x[0-9a-fA-F]{40}$/
/** Ends beyond this many seconds say nothing about a web request. */
const MOST_SECONDS = 2 ** 53 - 1
const MOST_TEXT = 256

/** @param json its own text @returns what is wrong with it, in words, when it is malformed */
export function readRequirement(value: unknown, json: string, protocol: 1 | 2): Requirement | string {
  if (!isObject(value)) return 'is no object'
  const scheme = text(value['scheme'])
  const network = text(value['network'])
  if (scheme === undefined) return 'scheme is no text'
  if (network === undefined) return 'network is no text'
  if (protocol === 2 && !/^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/.test(network)) return 'network is not in CAIP-2 form'
  const chain = protocol === 2 ? parseChain(network) : (namedChain(network) ?? parseChain(network))
  if (protocol === 2 && network.startsWith('eip155:') && chain === undefined) return 'network is no EVM chain'
  if (scheme !== 'exact' || chain === undefined) return { kind: 'foreign', scheme, network }
  return readExact(value, json, { network, chain, protocol })
}

type Where = { readonly network: string; readonly chain: Chain; readonly protocol: 1 | 2 }

function readExact(value: JsonObject, json: string, { network, chain, protocol }: Where): ExactRequirement | string {
  const price = protocol === 1 ? 'maxAmountRequired' : 'amount'
  const amount = units(value[price])
  if (amount === undefined) return `${price} is no decimal text of atomic units`
  const asset = value['asset']
  if (!isAddress(asset)) return 'asset is no address'
  const payTo = value['payTo']
  if (!isAddress(payTo)) return 'payTo is no address'
  const maxTimeoutSeconds = value['maxTimeoutSeconds']
  if (!isSeconds(maxTimeoutSeconds)) return 'maxTimeoutSeconds is no whole number above 0'
  const resource = protocol === 1 ? text(value['resource'], 4_096) : undefined
  if (protocol === 1 && resource === undefined) return 'resource is no text'
  const extra = readExtra(value['extra'] ?? {})
  if (typeof extra === 'string') return extra
  return {
    kind: 'exact',
    network,
    chain,
    amount,
    asset: asset.toLowerCase(),
    payTo,
    maxTimeoutSeconds,
    ...extra,
    resource,
    json,
  }
}

type Extra = Pick<ExactRequirement, 'name' | 'version' | 'flow' | 'transferMethod'>

/** Left out, both ways have the protocol's defaults; said in another type, they mean nothing that we could hold to. */
function readExtra(extra: unknown): Extra | string {
  if (!isObject(extra)) return 'extra is no object'
  for (const name of ['name', 'version', 'paymentFlow', 'assetTransferMethod']) {
    const said = extra[name]
    if (said !== undefined && said !== null && text(said) === undefined) return `extra.${name} is no text`
  }
  return {
    name: text(extra['name']),
    version: text(extra['version']),
    flow: text(extra['paymentFlow']) ?? 'authorization',
    transferMethod: text(extra['assetTransferMethod']) ?? 'eip3009',
  }
}

const text = (value: unknown, most = MOST_TEXT): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= most ? value : undefined

const isAddress = (value: unknown): value is string => typeof value === 'string' && ADDRESS.test(value)

const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MOST_SECONDS

function units(value: unknown): bigint | undefined {
  if (typeof value !== 'string' || !DIGITS.test(value)) return undefined
  const amount = BigInt(value)
  return amount < MOST_UNITS ? amount : undefined
}
