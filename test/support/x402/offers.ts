import { millis } from '../../../src/time/units.js'
import type { PaymentFacts } from '../../../src/x402/choose.js'
import type { Asset, PaymentPolicy } from '../../../src/x402/policy.js'
import { START } from '../clock.js'

/** The test network's USDC. */
export const USDC: Asset = {
  chain: 'eip155:84532',
  address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  symbol: 'USDC',
  decimals: 6,
  name: 'USDC',
  version: '2',
}

export const SELLER = '0x209693bc6afc0c5328ba36faf03c514ef312287c'

/** At most 0.05 USDC on Base Sepolia, to whom the origin began with. */
export const POLICY: PaymentPolicy = {
  wallet: 'agent',
  versions: [2, 1],
  accept_body_v2: false,
  chains: ['eip155:84532'],
  assets: [USDC],
  pay_to: [],
  max: { USDC: 50_000n },
  max_timeout: millis(120_000),
  when_longer: 'clamp',
  drift: undefined,
  resource: 'origin',
  allow_insecure: false,
  hold: millis(60_000),
}

export const FACTS: PaymentFacts = {
  now: START,
  hop: { scheme: 'https', host: 'api.example', port: 443, direct: true },
  askedHost: undefined,
  pinned: new Map(),
  lastPaid: new Map(),
  timeLeft: millis(30_000),
}

type Members = Record<string, unknown>

export const requirement = (changes: Members = {}): Members => ({
  scheme: 'exact',
  network: 'eip155:84532',
  amount: '10000',
  asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  payTo: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C',
  maxTimeoutSeconds: 60,
  extra: { name: 'USDC', version: '2' },
  ...changes,
})

export const terms = (changes: Members = {}, first: Members = {}): Members => ({
  x402Version: 2,
  error: 'Payment required',
  resource: { url: 'https://api.example/weather', mimeType: 'application/json' },
  accepts: [requirement(first)],
  ...changes,
})

export const requirementV1 = (changes: Members = {}): Members => ({
  scheme: 'exact',
  network: 'base-sepolia',
  maxAmountRequired: '10000',
  resource: 'https://api.example/weather',
  description: '',
  mimeType: 'application/json',
  payTo: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C',
  maxTimeoutSeconds: 60,
  asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  extra: { name: 'USDC', version: '2' },
  ...changes,
})

export const termsV1 = (changes: Members = {}, first: Members = {}): Members => ({
  x402Version: 1,
  error: 'X-PAYMENT header is required',
  accepts: [requirementV1(first)],
  ...changes,
})

/** A 402 as a server would answer it. */
export type Answer = { readonly fields: readonly string[]; readonly body: Buffer }

export const inHeader = (text: string | Buffer): Answer => ({
  fields: ['Content-Type', 'application/json', 'PAYMENT-REQUIRED', Buffer.from(text).toString('base64')],
  body: Buffer.from('{}'),
})

export const inBody = (text: string | Buffer): Answer => ({
  fields: ['Content-Type', 'application/json'],
  body: Buffer.from(text),
})

export const answerV2 = (value: unknown): Answer => inHeader(JSON.stringify(value))
export const answerV1 = (value: unknown): Answer => inBody(JSON.stringify(value))
