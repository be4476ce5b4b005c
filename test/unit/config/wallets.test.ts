import t from 'tap'
import { parse } from 'yaml'
import { parseConfig } from '../../../src/config/load.js'
import { atomicUnits } from '../../../src/config/money.js'
import { fileSchema } from '../../../src/config/schema.js'
import { toConfig } from '../../../src/config/to-config.js'
import type { WalletSettings } from '../../../src/config/wallet.js'
import { SELLER, USDC } from '../../support/x402/offers.js'

const OTHER = `0x${'ab'.repeat(20)}`
const LOCAL = `{ network: "eip155:31337", address: "${OTHER.toUpperCase().replace('X', 'x')}", symbol: tUSD, decimals: 18, name: Test, version: "1" }`

function wallet(body: string, evm = '{ key: { env: K } }'): WalletSettings | undefined {
  const yaml = `wallets: { w: { evm: ${evm}, ${body} } }\n`
  return parseConfig('/etc/mulligan/m.yaml', yaml, { HOME: '/home/u' }).config.wallets['w']
}

/** The payment rules of a route. */
function payment(body: string, more = '') {
  const limits = 'limits: { per_request: ["0.10 USDC", "2 tUSD"], total: ["50 USDC", "9 tUSD"] }'
  const one = `w: { evm: { watch: true }, networks: [base-sepolia, "eip155:31337"], assets: [USDC, ${LOCAL}], ${limits}${more} }`
  const yaml = `wallets: { ${one} }\nroutes: [{ name: a, match: { host: x.example }, payment: { wallet: w, ${body} } }]\n`
  return toConfig(fileSchema.parse(parse(yaml)), '/etc', {}).routes[0]?.payment
}

t.test('the wallet of the example is read: known symbols, lower-case addresses, atomic units', t => {
  const limits =
    'limits: { per_request: "0.10 USDC", per_hour: "1 USDC", per_day: 5.5 USDC, total: "50 USDC", per_minute: 30 }'
  t.same(
    wallet(
      `networks: [base-sepolia, "eip155:31337"], assets: [USDC], pay_to: ["${SELLER.toUpperCase().replace('X', 'x')}"], ${limits}`,
    ),
    {
      evm: { source: { kind: 'key', key: { env: 'K' } }, address: undefined, shared: false },
      chains: ['eip155:84532', 'eip155:31337'],
      assets: [USDC],
      pay_to: [SELLER],
      limits: {
        per_request: { USDC: 100_000n },
        per_hour: { USDC: 1_000_000n },
        per_day: { USDC: 5_500_000n },
        total: { USDC: 50_000_000n },
        per_minute: 30,
      },
      rpc_url: undefined,
    },
  )
  t.end()
})

t.test('a symbol means that token on every network of the wallet, a block one token', t => {
  const found = wallet(
    `networks: [base, "eip155:84532", base, "eip155:31337"], assets: [USDC, ${LOCAL}], limits: { total: [1 USDC, 1 tUSD] }`,
  )
  t.same(found?.chains, ['eip155:8453', 'eip155:84532', 'eip155:31337'])
  t.same(
    found?.assets.map(({ chain, symbol, name }) => `${chain} ${symbol} ${name}`),
    ['eip155:8453 USDC USD Coin', 'eip155:84532 USDC USDC', 'eip155:31337 tUSD Test'],
  )
  t.equal(found?.assets[2]?.address, OTHER)
  t.same(found?.limits.total, { USDC: 1_000_000n, tUSD: 10n ** 18n })
  t.same(found?.limits.per_day, {})
  t.end()
})

t.test('what signs is complete, and its paths become absolute', t => {
  const rest = 'networks: [base], assets: [USDC], limits: { total: 1 USDC }'
  const address = `address: "${OTHER}"`
  const timeout = 10_000
  const rows: [string, object][] = [
    ['{ key: { file: k } }', { kind: 'key', key: { file: '/etc/mulligan/k' } }],
    [
      '{ keystore: { file: ~/ks.json, password: { file: pw } } }',
      { kind: 'keystore', file: '/home/u/ks.json', password: { file: '/etc/mulligan/pw' } },
    ],
    [`{ exec: [signer, pay], ${address} }`, { kind: 'exec', command: ['signer', 'pay'], timeout }],
    [`{ exec: { command: [s], timeout: 2s }, ${address} }`, { kind: 'exec', command: ['s'], timeout: 2_000 }],
    [
      `{ remote: { url: "http://127.0.0.1:8550" }, ${address} }`,
      { kind: 'remote', url: 'http://127.0.0.1:8550', method: 'eth_signTypedData_v4', timeout },
    ],
    ['{ watch: true }', { kind: 'watch' }],
  ]
  for (const [evm, source] of rows) t.same(wallet(rest, evm)?.evm.source, source, evm)
  t.same(wallet(rest, `{ key: { env: K }, allow_shared_file: true, ${address} }`)?.evm, {
    source: { kind: 'key', key: { env: 'K' } },
    address: OTHER,
    shared: true,
  })
  t.end()
})

t.test('a route that names its wallet alone has the defaults, within the limits of the wallet', t => {
  const found = payment('')
  t.match(found, {
    wallet: 'w',
    versions: [2, 1],
    accept_body_v2: false,
    pay_to: [],
    max: { USDC: 100_000n, tUSD: 2n * 10n ** 18n },
    max_timeout: 120_000,
    when_longer: 'clamp',
    drift: undefined,
    resource: 'origin',
    allow_insecure: false,
    hold: 60_000,
  })
  t.equal(found?.assets.length, 2)
  t.end()
})

t.test('P2: the lesser of the two ceilings counts, and a symbol that max leaves out is not paid with', t => {
  t.same(payment('max: "0.05 USDC"')?.max, { USDC: 50_000n })
  t.same(payment('max: "5 USDC"')?.max, { USDC: 100_000n })
  t.same(payment('max: ["0.01 USDC", "7 tUSD"]')?.max, { USDC: 10_000n, tUSD: 2n * 10n ** 18n })
  t.end()
})

t.test('recipients must be on the list of the route and on that of the wallet, where there are two', t => {
  const list = (...addresses: string[]) => `pay_to: ["${addresses.join('", "')}"]`
  t.same(payment(list(OTHER, SELLER))?.pay_to, [OTHER, SELLER])
  t.same(payment('', `, ${list(SELLER)}`)?.pay_to, [SELLER])
  t.same(payment(list(OTHER, SELLER), `, ${list(SELLER)}`)?.pay_to, [SELLER])
  t.end()
})

t.test('P10: money is exact at any number of decimals', t => {
  const rows: [string, number, bigint | undefined][] = [
    ['0.10', 6, 100_000n],
    ['0.1000000', 6, 100_000n],
    ['0.0000001', 6, undefined],
    ['9007199254740993.000001', 6, 9_007_199_254_740_993_000_001n],
    ['1', 0, 1n],
    ['1.0', 0, 1n],
    ['0', 18, 0n],
    ['000.5', 1, 5n],
    ['0.3', 36, 3n * 10n ** 35n],
  ]
  for (const [amount, decimals, units] of rows) t.equal(atomicUnits({ amount, symbol: 'X' }, decimals), units, amount)
  t.end()
})
