import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadEthereum } from '../signer/ethereum.js'
import { formatUnits } from '../x402/amount.js'
import type { Asset } from '../x402/policy.js'
import { TokenLedger } from './token-ledger.js'
import { serveTokenRpc } from './token-rpc.js'

/** A wallet, and the ledger that its money is on. */
export type Market = {
  readonly ledger: TokenLedger
  /** Address of the wallet. */
  readonly payer: string
  /** What the daemon's configuration says of it: `wallets`, and a route for `/pages/**`. */
  readonly wallets: string
  readonly route: string
  /** The ledger as a node. */
  readonly rpcUrl: string
  /** An address that nobody has the key of. */
  readonly newAddress: () => string
  readonly close: () => void
}

/** A page's price, and all that the wallet may spend: enough for ten. Atomic units. */
export const PRICE = 10_000n
export const LIMIT = 100_000n
const PURSE = 1_000_000n

const TOKEN: Asset = {
  chain: 'eip155:31337',
  address: `0x${'de'.repeat(20)}`,
  symbol: 'DEMO',
  decimals: 6,
  name: 'Demo money',
  version: '1',
}

/** @param folder private; the wallet's key is made for this run and kept in a file in it */
export async function openMarket(folder: string): Promise<Market> {
  const ethereum = await loadEthereum()
  const ledger = new TokenLedger(TOKEN, ethereum)
  const key = randomBytes(32)
  const keyFile = join(folder, 'wallet.key')
  writeFileSync(keyFile, key.toString('hex'), { mode: 0o600 })
  const payer = ethereum.addressOf(key)
  ledger.mint(payer, PURSE)
  const rpc = await serveTokenRpc(ledger)
  return {
    ledger,
    payer,
    wallets: walletsOf(keyFile, rpc.url),
    route: ROUTE,
    rpcUrl: rpc.url,
    newAddress: () => ethereum.addChecksum(`0x${randomBytes(20).toString('hex')}`),
    close: rpc.close,
  }
}

/** JSON is YAML, whatever is in the path. */
const walletsOf = (keyFile: string, rpcUrl: string): string => `wallets:
  demo:
    evm: { key: { file: ${JSON.stringify(keyFile)} } }
    networks: [${TOKEN.chain}]
    assets: [${JSON.stringify({ ...TOKEN, chain: undefined, network: TOKEN.chain })}]
    limits: { total: "${inTokens(LIMIT)}" }
    rpc_url: ${rpcUrl}
`

const ROUTE = `  - name: pages
    match: { host: 127.0.0.1, path: /pages/** }
    timeout: { total: 8s, per_try: 1s }
    retry: { attempts: 3, backoff: { base: 100ms, cap: 1s } }
    payment: { wallet: demo, max: "${inTokens(PRICE)}" }
`

/** `10000` units are `0.01 DEMO`. */
export function inTokens(units: bigint): string {
  return `${formatUnits(units, TOKEN.decimals)} ${TOKEN.symbol}`
}
