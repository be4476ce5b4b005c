import { z } from 'zod'
import { choice, duration, integer, key, kinds, list, money, text, words, yesNo } from './scalars.js'
import { commandLine, exactlyOne, secret } from './secrets-schema.js'
import { type Wrong, wrong } from './wrong.js'

export const evmAddress = () =>
  text({ expects: 'an address such as 0x…', type: 'EVM address' }, value =>
    /^0x[0-9a-f]{40}$/i.test(value) ? value.toLowerCase() : wrong(`"${value}" is not an address; 0x and 40 hex digits`),
  )

/** One amount, or one for each symbol. */
export const amounts = () =>
  z
    .union([money(), list(money(), 1, 64)])
    .transform(value => (Array.isArray(value) ? value : [value]))
    .register(kinds, { expects: 'an amount such as "0.10 USDC", or a list of them', type: 'money | list (money)' })

const network = () =>
  text({ expects: 'a network such as base-sepolia or eip155:8453', type: 'network name' }, value =>
    /^([a-z][a-z0-9-]*|[a-z0-9-]{3,8}:[\w-]{1,32})$/.test(value)
      ? value
      : wrong(`"${value}" is not a network; base-sepolia or eip155:8453, each by name, no wildcard`),
  )

/** As amounts name it. */
const symbol = () =>
  text({ expects: 'a symbol such as USDC', type: 'symbol' }, value =>
    /^[A-Za-z][A-Za-z0-9.]{0,15}$/.test(value)
      ? value
      : wrong(`"${value}" is not a symbol; a letter, then letters, digits or dots`),
  )

/** Of a node or a wallet. Not repeated when it is wrong: its path or query may be a key. */
const endpoint = () =>
  text({ expects: 'a URL such as http://127.0.0.1:8550', type: 'URL' }, (value): string | Wrong => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    const plain = url?.protocol === 'http:' || url?.protocol === 'https:'
    return plain ? value : wrong('not an http or https URL; write http://127.0.0.1:8550')
  })

const assetBlock = z.strictObject({
  network: key('Where it lives.', network()),
  address: key('Contract; it must have `transferWithAuthorization` (EIP-3009).', evmAddress()),
  symbol: key('How amounts name it.', symbol()),
  decimals: key('Decimals of its atomic unit; those of an offer are never believed.', integer(0, 36)),
  name: key('EIP-712 name of the contract.', words('a name')),
  version: key('EIP-712 version of the contract.', words('a version')),
})

const asset = z
  .union([assetBlock, symbol()])
  .register(kinds, { expects: 'a known symbol such as USDC, or a block', type: 'symbol | block' })

const program = z.strictObject({
  command: key('Program and arguments; no shell.', commandLine()),
  timeout: key('Killed after this.', duration('100ms', '2m').prefault('10s')),
})

const exec = z
  .union([program, commandLine().transform(command => program.parse({ command }))])
  .register(kinds, { expects: 'a program and its arguments, or a block', type: 'list (text) | block' })

const remote = z.strictObject({
  url: key('JSON-RPC endpoint of the wallet.', endpoint()),
  method: key(
    'How it signs: `eth_signTypedData_v4`, `account_signTypedData` (clef), `eth_signTypedData` (Web3signer).',
    choice('eth_signTypedData_v4', 'account_signTypedData', 'eth_signTypedData').default('eth_signTypedData_v4'),
  ),
  timeout: key('Given up after this.', duration('100ms', '2m').prefault('10s')),
})

const evm = z
  .strictObject({
    key: key('Private key: 32 bytes in hex. A file must be readable by its owner alone.', secret()).optional(),
    keystore: key(
      'Web3 keystore, version 3.',
      z.strictObject({ file: key('Its path.', words('a path', 'path')), password: key('Its password.', secret()) }),
    ).optional(),
    exec: key(
      'Program that signs: EIP-712 data as JSON on stdin, the signature in hex on stdout; needs `address`.',
      exec,
    ).optional(),
    remote: key('Wallet behind JSON-RPC that signs; needs `address`.', remote).optional(),
    watch: key('No key: says what would be paid, and pays nothing.', z.literal(true)).optional(),
    address: key('Address that it must turn out to have.', evmAddress()).optional(),
    allow_shared_file: key(
      'Take key files that others can read, such as secrets mounted into a container.',
      yesNo().default(false),
    ),
  })
  .superRefine(exactlyOne('key', 'keystore', 'exec', 'remote', 'watch'))
  .superRefine(({ exec, remote, address }, context) => {
    if (address !== undefined || (exec === undefined && remote === undefined)) return
    const message = 'is missing; a key that lives elsewhere needs the address that it must sign for'
    context.addIssue({ code: 'custom', path: ['address'], message })
  })

const limits = z.strictObject({
  per_request: key('Most for one request.', amounts()).optional(),
  per_hour: key('Most in an hour, counted when signed.', amounts()).optional(),
  per_day: key('Most in a day (UTC), counted when signed.', amounts()).optional(),
  total: key('Most ever.', amounts()).optional(),
  per_minute: key('Most payments in a minute.', integer(1, 100_000)).optional(),
})

/** One entry of `wallets`. */
export const wallet = z.strictObject({
  evm: key('What signs; exactly one.', evm),
  networks: key('Networks it may pay on; no default.', list(network(), 1, 64)),
  assets: key('What it may pay with; a symbol means that token on each of the networks.', list(asset, 1, 64)),
  pay_to: key('Recipients it may pay; any when empty.', list(evmAddress(), 0, 1_024).default([])),
  limits: key('Ceilings over all its routes; each names every symbol of `assets`.', limits),
  rpc_url: key('Node that is asked whether payments were taken: `mulligan ledger reconcile`.', endpoint()).optional(),
})
