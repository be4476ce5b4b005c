import { z } from 'zod'
import { integer, key, kinds, list, money, text, words } from './scalars.js'
import { commandLine, exactlyOne, secret } from './secrets-schema.js'
import { wrong } from './wrong.js'

const evmAddress = () =>
  text({ expects: 'an address such as 0x…', type: 'EVM address' }, value =>
    /^0x[0-9a-f]{40}$/i.test(value) ? value.toLowerCase() : wrong(`"${value}" is not an address; 0x and 40 hex digits`),
  )

const network = () =>
  text({ expects: 'a network such as base-sepolia or eip155:8453', type: 'network name' }, value =>
    /^([a-z][a-z0-9-]*|[a-z0-9-]{3,8}:[\w-]{1,32})$/.test(value)
      ? value
      : wrong(`"${value}" is not a network; base-sepolia or eip155:8453, each by name, no wildcard`),
  )

const assetBlock = z.strictObject({
  network: key('Where it lives.', network()),
  address: key('Contract.', evmAddress()),
  symbol: key('How amounts name it.', words('a symbol')),
  decimals: key('Decimals of its atomic unit.', integer(0, 36)),
  name: key('EIP-712 name.', words('a name')),
  version: key('EIP-712 version.', words('a version')),
})

const asset = z
  .union([assetBlock, words('a known symbol such as USDC')])
  .register(kinds, { expects: 'a known symbol such as USDC, or a block', type: 'symbol | block' })

const evm = z
  .strictObject({
    key: key('Private key.', secret()).optional(),
    keystore: key(
      'Web3 keystore.',
      z.strictObject({ file: key('Its path.', words('a path', 'path')), password: key('Its password.', secret()) }),
    ).optional(),
    exec: key('Program that signs.', commandLine()).optional(),
  })
  .superRefine(exactlyOne('key', 'keystore', 'exec'))

const limits = z.strictObject({
  per_request: key('Most for one request.', money()).optional(),
  per_hour: key('Most in an hour.', money()).optional(),
  per_day: key('Most in a day.', money()).optional(),
  total: key('Most ever.', money()).optional(),
})

/** One entry of `wallets`. */
export const wallet = z.strictObject({
  evm: key('What signs; exactly one.', evm),
  networks: key('Networks it may pay on; no default.', list(network(), 1, 64)),
  assets: key('What it may pay with.', list(asset, 1, 64)),
  pay_to: key('Recipients it may pay; any when empty.', list(evmAddress(), 0, 1_024).default([])),
  limits: key('Ceilings.', limits),
})
