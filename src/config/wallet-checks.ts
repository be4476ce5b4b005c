import { KNOWN_ASSETS } from '../x402/assets.js'
import { NETWORK_NAMES } from '../x402/networks.js'
import type { Asset } from '../x402/policy.js'
import { suggest } from './did-you-mean.js'
import { errorAt, type Finding, warningAt } from './findings.js'
import { atomicUnits } from './money.js'
import type { Money } from './scalars.js'
import type { ConfigFile } from './schema.js'
import { assetsOf, chainOf, type WalletFile } from './to-wallet.js'

const WINDOWS = ['per_hour', 'per_day', 'total'] as const

/** Whether each wallet knows what it may pay with, and is bounded in everything that it may (P2, P3). */
export function checkWallets({ wallets }: ConfigFile): Finding[] {
  return Object.entries(wallets).flatMap(([name, wallet]) => {
    const at = (...keys: PropertyKey[]): PropertyKey[] => ['wallets', name, ...keys]
    const found = [...checkNetworks(wallet, at), ...checkAssets(wallet, at)]
    // Limits of assets that cannot be told say nothing.
    return [...found, ...(found.length === 0 ? checkLimits(wallet, at) : []), ...checkSigner(wallet, at)]
  })
}

type At = (...keys: PropertyKey[]) => PropertyKey[]

function checkNetworks({ networks }: WalletFile, at: At): Finding[] {
  return networks.flatMap((network, index) => {
    if (chainOf(network) !== undefined) return []
    if (network.includes(':')) return [errorAt(at('networks', index), `${network} is not an EVM chain; eip155:8453`)]
    const message = `no network is called "${network}"${suggest(network, NETWORK_NAMES)}`
    return [errorAt(at('networks', index), `${message}; others by chain id: eip155:8453`)]
  })
}

function checkAssets(wallet: WalletFile, at: At): Finding[] {
  const chains = wallet.networks.map(chainOf).filter(chain => chain !== undefined)
  const findings = wallet.assets.flatMap((asset, index) => {
    if (typeof asset !== 'string') {
      const chain = chainOf(asset.network)
      if (chain !== undefined && chains.includes(chain)) return []
      return [errorAt(at('assets', index, 'network'), `${asset.network} is not one of networks`)]
    }
    if (KNOWN_ASSETS.some(({ symbol, chain }) => symbol === asset && chains.includes(chain))) return []
    return [errorAt(at('assets', index), unknownSymbol(asset, wallet))]
  })
  return [...findings, ...checkDecimals(assetsOf(wallet, chains), at)]
}

function unknownSymbol(asset: string, { networks }: WalletFile): string {
  const known = [...new Set(KNOWN_ASSETS.map(({ symbol }) => symbol))]
  const hint = known.includes(asset) ? '' : suggest(asset, known)
  if (hint !== '') return `no token is known as "${asset}"${hint}; others need a block`
  return `${asset} is not known on ${networks.join(', ')}; give it a block: network, address, symbol, decimals, name, version`
}

/** One amount is for all assets of its symbol. */
function checkDecimals(assets: readonly Asset[], at: At): Finding[] {
  const odd = assets.find(({ symbol, decimals }) => assets.some(a => a.symbol === symbol && a.decimals !== decimals))
  return odd === undefined
    ? []
    : [errorAt(at('assets'), `${odd.symbol} has several decimals; give one of them another symbol`)]
}

function checkLimits(wallet: WalletFile, at: At): Finding[] {
  const assets = assetsOf(
    wallet,
    wallet.networks.map(chainOf).filter(chain => chain !== undefined),
  )
  const names = ['per_request', ...WINDOWS] as const
  const findings = names.flatMap(name => {
    const amounts = wallet.limits[name]
    return amounts === undefined ? [] : checkAmounts(amounts, assets, at('limits', name), true)
  })
  if (WINDOWS.some(name => wallet.limits[name] !== undefined)) return findings
  const message = 'nothing bounds what is spent over time; set per_hour, per_day or total'
  return [...findings, warningAt(at('limits'), message)]
}

/**
 * Whether amounts name assets that are there, each once, in units that those have.
 * @param all a symbol that is left out would be without a limit
 */
export function checkAmounts(
  amounts: readonly Money[],
  assets: readonly Asset[],
  path: readonly PropertyKey[],
  all: boolean,
): Finding[] {
  const symbols = [...new Set(assets.map(({ symbol }) => symbol))]
  const findings = amounts.flatMap((money, index) => {
    const said = `${money.amount} ${money.symbol}`
    const asset = assets.find(({ symbol }) => symbol === money.symbol)
    if (asset === undefined) {
      return [errorAt(path, `${said}: the wallet has no ${money.symbol}${suggest(money.symbol, symbols)}`)]
    }
    if (atomicUnits(money, asset.decimals) === undefined) {
      return [errorAt(path, `${said}: ${money.symbol} has ${asset.decimals} decimals`)]
    }
    const first = amounts.findIndex(({ symbol }) => symbol === money.symbol)
    return first === index ? [] : [errorAt(path, `names ${money.symbol} twice`)]
  })
  const missing = all ? symbols.filter(symbol => !amounts.some(money => money.symbol === symbol)) : []
  if (missing.length === 0) return findings
  return [...findings, errorAt(path, `says nothing about ${missing.join(', ')}; write a list, one amount for each`)]
}

function checkSigner({ evm }: WalletFile, at: At): Finding[] {
  const message = 'a secret in the file itself; write {env: NAME}, {file: PATH} or {exec: [program]}'
  const literal = (secret: object | undefined, ...keys: string[]) =>
    secret !== undefined && 'literal' in secret ? [{ ...warningAt(at('evm', ...keys), message), masked: true }] : []
  const shared = evm.allow_shared_file
    ? [warningAt(at('evm', 'allow_shared_file'), 'whoever can read the key file can spend what the wallet holds')]
    : []
  return [...literal(evm.key, 'key'), ...literal(evm.keystore?.password, 'keystore', 'password'), ...shared]
}
