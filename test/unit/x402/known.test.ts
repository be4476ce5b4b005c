import { DEFAULT_ASSETS, findDefaultAsset } from '@x402/evm'
import t from 'tap'
import { KNOWN_ASSETS } from '../../../src/x402/assets.js'
import { decodeBase64, encodeBase64 } from '../../../src/x402/base64.js'
import { chainId, NETWORK_NAMES, namedChain, parseChain } from '../../../src/x402/networks.js'

t.test('every known token is the one that the official library knows', t => {
  for (const { chain, address, symbol, decimals, name, version } of KNOWN_ASSETS) {
    const { asset, assetTransferMethod, ...official } = findDefaultAsset(address, chain) as unknown as Record<
      string,
      string
    >
    t.same({ symbol, decimals, name, version }, official, chain)
    t.equal(asset?.toLowerCase(), address, chain)
    t.equal(assetTransferMethod, undefined, `${chain} has EIP-3009`)
  }
  t.equal(new Set(KNOWN_ASSETS.map(({ chain }) => chain)).size, KNOWN_ASSETS.length)
  t.ok(KNOWN_ASSETS.every(({ chain }) => chain in DEFAULT_ASSETS))
  t.end()
})

t.test('the 23 network names of version 1 lead to their chains', t => {
  t.equal(NETWORK_NAMES.length, 23)
  t.equal(namedChain('base-sepolia'), 'eip155:84532')
  t.equal(namedChain('base'), 'eip155:8453')
  t.equal(namedChain('constructor'), undefined)
  for (const name of NETWORK_NAMES) t.equal(parseChain(namedChain(name) ?? ''), namedChain(name), name)
  t.end()
})

t.test('an EVM chain has one spelling', t => {
  t.equal(parseChain('eip155:31337'), 'eip155:31337')
  t.equal(chainId('eip155:31337'), 31_337)
  for (const text of [
    'eip155:0',
    'eip155:01',
    'eip155:',
    'eip155:x',
    'eip155:9007199254740993',
    'EIP155:1',
    'solana:x',
  ]) {
    t.equal(parseChain(text), undefined, text)
  }
  t.end()
})

t.test('base64 has one spelling', t => {
  for (const text of ['', 'a', 'ab', 'abc', 'ä€😀']) t.equal(decodeBase64(encodeBase64(text))?.toString(), text)
  for (const text of ['YQ', 'YR==', 'YQ==\n', ' YQ==', 'Y_==', '====', 'YQ=', 'YWJj='])
    t.equal(decodeBase64(text), undefined, text)
  t.end()
})
