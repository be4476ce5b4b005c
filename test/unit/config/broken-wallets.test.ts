import t from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { ConfigError, type ConfigProblem, formatProblem } from '../../../src/config/problems.js'

type Row = readonly [name: string, yaml: string, ...expected: string[]]

const ADDRESS = `0x${'ab'.repeat(20)}`
const TOKEN = (changes: string) =>
  `{ network: base, address: "${ADDRESS}", symbol: tUSD, decimals: 6, name: T, version: "1"${changes} }`
/** On line 2. */
const wallet = (body: string, evm = '{ key: { env: K } }') => `wallets:\n  w: { evm: ${evm}, ${body} }\n`
const FINE = 'networks: [base], assets: [USDC], limits: { total: 1 USDC }'
const evm = (block: string) => wallet(FINE, block)
const limits = (block: string) => wallet(`networks: [base], assets: [USDC], limits: ${block}`)
const route = (payment: string, match = '{ host: x.example }', more = '', top = '') =>
  `${top}wallets: { w: { evm: { watch: true }, networks: [base], assets: [USDC], pay_to: ["${ADDRESS}"], limits: { per_request: 1 USDC, total: 9 USDC } } }\nroutes:\n  - { name: a, match: ${match}, payment: ${payment}${more} }\n`

const SIGNERS: Row[] = [
  ['nothing that signs', evm('{}'), 'wallets.w.evm: has none; exactly one of key, keystore, exec, remote, watch'],
  ['two that sign', evm('{ key: { env: K }, watch: true }'), 'wallets.w.evm: has key and watch'],
  ['a program for nobody', evm('{ exec: [signer] }'), 'wallets.w.evm.address: is missing; a key that lives elsewhere'],
  ['a remote for nobody', evm('{ remote: { url: "http://x/" } }'), 'wallets.w.evm.address: is missing'],
  [
    'a remote without http',
    evm(`{ remote: { url: "ipc:/x" }, address: "${ADDRESS}" }`),
    'wallets.w.evm.remote.url: not an http or https URL',
  ],
  [
    'an address with a typo',
    evm('{ key: { env: K }, address: "0x12" }'),
    'wallets.w.evm.address: "0x12" is not an address',
  ],
  ['watch switched off', evm('{ watch: false }'), 'wallets.w.evm.watch:'],
]

const ASSETS: Row[] = [
  [
    'an unknown network',
    wallet('networks: [base-sepola], assets: [USDC], limits: {}'),
    'wallets.w.networks.0: no network is called "base-sepola", did you mean "base-sepolia"',
    'wallets.w.assets.0: USDC is not known on',
  ],
  [
    'a chain of another kind',
    wallet('networks: ["solana:abc", base], assets: [USDC], limits: {}'),
    'wallets.w.networks.0: solana:abc is not an EVM chain',
  ],
  [
    'a symbol in lower case',
    wallet('networks: [base], assets: [usdc], limits: {}'),
    'wallets.w.assets.0: no token is known as "usdc", did you mean "USDC"?',
  ],
  [
    'a symbol that is not there',
    wallet('networks: ["eip155:31337"], assets: [USDC], limits: {}'),
    'wallets.w.assets.0: USDC is not known on eip155:31337; give it a block',
  ],
  [
    'a token elsewhere',
    wallet(`networks: ["eip155:1"], assets: [${TOKEN('')}], limits: {}`),
    'wallets.w.assets.0.network: base is not one of networks',
  ],
  [
    'one symbol, two decimals',
    wallet(
      `networks: [base], assets: [USDC, ${TOKEN(', symbol: USDC').replace('symbol: tUSD, ', '').replace('decimals: 6', 'decimals: 18')}], limits: {}`,
    ),
    'wallets.w.assets: USDC has several decimals',
  ],
  [
    'a symbol with a space',
    wallet(`networks: [base], assets: [${TOKEN('').replace('tUSD', '"t USD"')}], limits: {}`),
    'wallets.w.assets.0.symbol: "t USD" is not a symbol',
  ],
]

const LIMITS: Row[] = [
  [
    'a limit in another coin',
    limits('{ total: 5 EURC }'),
    'wallets.w.limits.total: 5 EURC: the wallet has no EURC',
    'wallets.w.limits.total: says nothing about USDC',
  ],
  [
    'a limit finer than the coin',
    limits('{ total: 0.0000001 USDC }'),
    'wallets.w.limits.total: 0.0000001 USDC: USDC has 6 decimals',
  ],
  ['a limit twice', limits('{ total: [1 USDC, 2 USDC] }'), 'wallets.w.limits.total: names USDC twice'],
  [
    'a coin without a limit',
    wallet(`networks: [base], assets: [USDC, ${TOKEN('')}], limits: { per_day: 1 USDC }`),
    'wallets.w.limits.per_day: says nothing about tUSD; write a list',
  ],
  [
    'a limit that is a number',
    limits('{ total: 5 }'),
    'wallets.w.limits.total: 5 is not allowed; an amount such as "0.10 USDC", or a list',
  ],
  ['a negative limit', limits('{ total: "-5 USDC" }'), 'wallets.w.limits.total: "-5 USDC" is not'],
]

const ROUTES: Row[] = [
  [
    'a price in another coin',
    route('{ wallet: w, max: 1 EURC }'),
    'routes.0.payment.max: 1 EURC: the wallet has no EURC',
  ],
  [
    'a recipient that the wallet does not pay',
    route(`{ wallet: w, pay_to: ["0x${'12'.repeat(20)}"] }`),
    'routes.0.payment.pay_to: none of them is in pay_to of the wallet',
  ],
  [
    'plain http',
    route('{ wallet: w }', '{ host: x.example, scheme: http }'),
    'routes.0.payment: goes to x.example by plain http only',
  ],
  [
    'an upstream by plain http',
    route('{ wallet: w }', '{ host: x.example }', ', upstream: "http://y.example"'),
    'routes.0.payment: goes to y.example by plain http only',
  ],
  ['version 3', route('{ wallet: w, versions: [3] }'), 'routes.0.payment.versions.0: 3 is out of range; 1 to 2'],
  ['a life of seconds', route('{ wallet: w, max_timeout: 5s }'), 'routes.0.payment.max_timeout: 5s is out of range'],
  [
    'a price that nothing bounds',
    route('{ wallet: w }').replace('per_request: 1 USDC, ', ''),
    'routes.0.payment: nothing bounds what one request may cost',
  ],
]

function problemsOf(yaml: string): readonly ConfigProblem[] {
  try {
    return parseConfig('/etc/m.yaml', yaml, { HOME: '/home/u' }).warnings
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems
  }
}

const said = (yaml: string, severity: 'error' | 'warning'): string[] =>
  problemsOf(yaml)
    .filter(problem => problem.severity === severity)
    .map(({ path, message }) => `${path}: ${message}`)

for (const [group, rows] of Object.entries({ SIGNERS, ASSETS, LIMITS, ROUTES })) {
  t.test(`a wallet that could lose money does not start (${group.toLowerCase()})`, t => {
    for (const [name, yaml, ...expected] of rows) {
      const errors = said(yaml, 'error')
      t.equal(errors.length, expected.length, `${name}: ${errors.join(' · ')}`)
      for (const [index, start] of expected.entries()) t.equal(errors[index]?.slice(0, start.length), start, name)
    }
    t.end()
  })
}

t.test('a payment may go to loopback, and in the clear where the file says so', t => {
  const fine = [
    route('{ wallet: w }'),
    route('off'),
    route('{ wallet: w, max: 2 USDC }', '{ host: 127.0.0.1, scheme: http }'),
    route('{ wallet: w, allow_insecure: true }', '{ host: x.example, scheme: http }'),
  ]
  for (const yaml of fine) t.same([...said(yaml, 'error'), ...said(yaml, 'warning')], [], yaml)
  t.end()
})

t.test('what is doubtful draws a warning', t => {
  const anyone = route('{ wallet: w }', '{ host: "*" }', '', 'listen: { proxy: 0.0.0.0:1, allow_from: [10.0.0.0/8] }\n')
  const rows: [string, ...string[]][] = [
    [limits('{ per_request: 1 USDC }'), 'wallets.w.limits: nothing bounds what is spent over time'],
    [evm('{ key: { env: K }, allow_shared_file: true }'), 'wallets.w.evm.allow_shared_file: whoever can read'],
    [
      route('{ wallet: w }', '{ host: x.example }', '', 'store: memory\n').replace('watch: true', 'key: { env: K }'),
      'routes.0.payment: store: memory forgets what was spent',
    ],
    [anyone, 'routes.0.payment: other machines can spend from this wallet at 0.0.0.0:1 without a password'],
    [
      anyone.replace(/pay_to: \[[^\]]*\], /, ''),
      'routes.0.payment: any host that answers 402 is paid',
      'routes.0.payment: other machines',
    ],
    [
      route('{ wallet: w }', '{ host: x.example }', ', tls: tunnel'),
      'routes.0.payment: HTTPS passes untouched (tls: tunnel)',
    ],
  ]
  for (const [yaml, ...expected] of rows) {
    const warnings = said(yaml, 'warning')
    t.equal(warnings.length, expected.length, warnings.join(' · '))
    for (const [index, start] of expected.entries()) t.equal(warnings[index]?.slice(0, start.length), start)
  }
  t.end()
})

t.test('P11: a key in the file draws a warning, and no problem shows its line', t => {
  const key = `1${'f'.repeat(63)}`
  t.match(said(evm(`{ key: "${key}" }`), 'warning'), [/^wallets\.w\.evm\.key: a secret in the file itself; write/])
  const keystore = `{ keystore: { file: k, password: "${key}" } }`
  t.match(said(evm(keystore), 'warning'), [/^wallets\.w\.evm\.keystore\.password: a secret in the file itself/])
  const wrong = [
    evm(`{ key: "${key}" }`),
    evm(keystore),
    evm(`{ key: { env: "${key}" } }`),
    evm(`{ remote: { url: "ftp://u:${key}@x/" }, address: "${ADDRESS}" }`),
    wallet(`${FINE}, rpc_url: "wss://x/${key}"`),
  ]
  for (const yaml of wrong) {
    const problems = problemsOf(yaml)
    t.ok(problems.length > 0, yaml)
    t.notMatch(problems.map(problem => formatProblem(problem, yaml)).join('\n'), key, yaml)
  }
  t.end()
})
