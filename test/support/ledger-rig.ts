import type { Purchase, PurchaseAsk, RefusedReservation, Signed } from '../../src/ledger/purchase.js'
import type { Asset, WalletLimits } from '../../src/x402/policy.js'

export const DOLLAR: Asset = {
  chain: 'eip155:84532',
  address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  symbol: 'USDC',
  decimals: 6,
  name: 'USDC',
  version: '2',
}

export const limits = (more: Partial<WalletLimits> = {}): WalletLimits => ({
  per_request: {},
  per_hour: {},
  per_day: {},
  total: {},
  per_minute: undefined,
  ...more,
})

/** Somebody wants to pay; 10 units for `key`, unless said otherwise. */
export function ask(key: string, more: Partial<PurchaseAsk> = {}): PurchaseAsk {
  return {
    route: 'paid',
    wallet: 'agent',
    client: 'c0ffee',
    purchaseKey: key,
    keyed: false,
    resource: `https://seller.test/${key}`,
    asset: DOLLAR,
    amount: 10n,
    payTo: `0x${'11'.repeat(20)}`,
    limits: limits(),
    pin: undefined,
    ...more,
  }
}

/** What a signer makes of a purchase. @param now Unix milliseconds @param life seconds */
export function signedFor({ id }: Purchase, now: number, life = 60): Signed {
  return {
    field: { name: 'PAYMENT-SIGNATURE', value: `bytes-of-${id}` },
    nonce: `0x${id.padStart(64, '0')}`,
    payer: `0x${'22'.repeat(20)}`,
    validBefore: Math.floor(now / 1_000) + life,
    identifier: undefined,
  }
}

export function taken(result: { readonly purchase: Purchase } | RefusedReservation): Purchase {
  if ('refused' in result) throw new Error(`refused: ${result.refused}, ${result.detail}`)
  return result.purchase
}

export const word = (result: { readonly purchase: Purchase } | RefusedReservation): string =>
  'refused' in result ? result.refused : 'reserved'
