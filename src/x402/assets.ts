import type { Chain } from './networks.js'
import type { Asset } from './policy.js'

/** Tokens that are known by symbol, with `transferWithAuthorization` (EIP-3009): contract and EIP-712 name. */
const USDC: readonly (readonly [chain: Chain, address: string, name: string])[] = [
  ['eip155:1', '0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48', 'USD Coin'],
  ['eip155:137', '0x3c499c542cef5e3811e1192ce70d8cc03d5c3359', 'USD Coin'],
  ['eip155:143', '0x754704bc059f8c67012fed69bc8a327a5aafb603', 'USDC'],
  ['eip155:1328', '0x4fcf1784b31630811181f670aea7a7bef803eaed', 'USDC'],
  ['eip155:1329', '0xe15fc38f6d8c56af07bbcbe3baf5708a2bf42392', 'USDC'],
  ['eip155:8453', '0x833589fcd6edb6e08f4c7c32d4f71b54bda02913', 'USD Coin'],
  ['eip155:42161', '0xaf88d065e77c8cc2239327c5edb3a432268e5831', 'USD Coin'],
  ['eip155:42220', '0xceba9300f2b948710d2653dd7b07f33a8b32118c', 'USDC'],
  ['eip155:43114', '0xb97ef9ef8734c71904d8002f8b6bc66dd9c48a6e', 'USD Coin'],
  ['eip155:84532', '0x036cbd53842c5426634e7929541ec2318f3dcf7e', 'USDC'],
  ['eip155:421614', '0x75faf114eafb1bdbe2f0316df893fd58ce46aa4d', 'USD Coin'],
  ['eip155:11142220', '0x01c5c0122039549ad1493b8220cabedd739bc44e', 'USDC'],
]

export const KNOWN_ASSETS: readonly Asset[] = USDC.map(([chain, address, name]) => ({
  chain,
  address,
  symbol: 'USDC',
  decimals: 6,
  name,
  version: '2',
}))
