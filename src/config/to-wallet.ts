import { KNOWN_ASSETS } from '../x402/assets.js'
import { type Chain, namedChain, parseChain } from '../x402/networks.js'
import type { Amounts, Asset, PaymentPolicy } from '../x402/policy.js'
import { atomicUnits } from './money.js'
import type { Money } from './scalars.js'
import type { ConfigFile, RouteFile } from './schema.js'
import { toReference } from './to-credential.js'
import type { SignerSettings, SignerSource, WalletSettings } from './wallet.js'

export type WalletFile = ConfigFile['wallets'][string]
export type PaymentFile = NonNullable<RouteFile['payment']>

/** A validated wallet; what `checkWallets` finds wrong with it is left out. @param path makes a path of the file absolute */
export function toWallet(file: WalletFile, path: (text: string) => string): WalletSettings {
  const chains = [...new Set(file.networks.map(chainOf).filter(chain => chain !== undefined))]
  const assets = assetsOf(file, chains)
  const { per_request, per_hour, per_day, total, per_minute } = file.limits
  return {
    evm: toSigner(file.evm, path),
    chains,
    assets,
    pay_to: file.pay_to,
    limits: {
      per_request: toAmounts(per_request, assets),
      per_hour: toAmounts(per_hour, assets),
      per_day: toAmounts(per_day, assets),
      total: toAmounts(total, assets),
      per_minute,
    },
    rpc_url: file.rpc_url,
  }
}

/** By the name of x402 v1, or by CAIP-2; `undefined` for one that is not of EVM, or not known. */
export const chainOf = (network: string): Chain | undefined => namedChain(network) ?? parseChain(network)

/** A symbol means the known token on each chain. */
export function assetsOf({ assets }: WalletFile, chains: readonly Chain[]): readonly Asset[] {
  return assets.flatMap(asset => {
    if (typeof asset === 'string') {
      return KNOWN_ASSETS.filter(({ symbol, chain }) => symbol === asset && chains.includes(chain))
    }
    const { network, ...known } = asset
    const chain = chainOf(network)
    return chain !== undefined && chains.includes(chain) ? [{ chain, ...known }] : []
  })
}

function toAmounts(amounts: readonly Money[] | undefined, assets: readonly Asset[]): Amounts {
  const units = (amounts ?? []).map(money => {
    const asset = assets.find(({ symbol }) => symbol === money.symbol)
    return [money.symbol, asset && atomicUnits(money, asset.decimals)] as const
  })
  return Object.fromEntries(units.flatMap(([symbol, amount]) => (amount === undefined ? [] : [[symbol, amount]])))
}

function toSigner(evm: WalletFile['evm'], path: (text: string) => string): SignerSettings {
  return { source: toSource(evm, path), address: evm.address, shared: evm.allow_shared_file }
}

/** The schema lets exactly one through. */
function toSource({ key, keystore, exec, remote }: WalletFile['evm'], path: (text: string) => string): SignerSource {
  if (key !== undefined) return { kind: 'key', key: toReference(key, path) }
  if (keystore !== undefined) {
    return { kind: 'keystore', file: path(keystore.file), password: toReference(keystore.password, path) }
  }
  if (exec !== undefined) return { kind: 'exec', ...exec }
  return remote === undefined ? { kind: 'watch' } : { kind: 'remote', ...remote }
}

/** What a route may pay: its own rules within those of its wallet. */
export function toPayment(file: PaymentFile, wallet: WalletSettings): PaymentPolicy {
  const { max, pay_to, versions, ...rules } = file
  return {
    ...rules,
    drift: rules.drift,
    versions: versions.map(version => (version === 1 ? 1 : 2)),
    chains: wallet.chains,
    assets: wallet.assets,
    pay_to: recipients(pay_to, wallet.pay_to),
    max:
      max === undefined ? wallet.limits.per_request : least(toAmounts(max, wallet.assets), wallet.limits.per_request),
  }
}

/** On both lists, where there are two. */
export function recipients(route: readonly string[], wallet: readonly string[]): readonly string[] {
  if (route.length === 0 || wallet.length === 0) return [...route, ...wallet]
  return route.filter(address => wallet.includes(address))
}

function least(route: Amounts, wallet: Amounts): Amounts {
  const smaller = (symbol: string, amount: bigint): bigint => {
    const other = Object.hasOwn(wallet, symbol) ? wallet[symbol] : undefined
    return other !== undefined && other < amount ? other : amount
  }
  return Object.fromEntries(Object.entries(route).map(([symbol, amount]) => [symbol, smaller(symbol, amount)]))
}
