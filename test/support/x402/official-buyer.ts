import { x402Client } from '@x402/core/client'
import { decodePaymentRequiredHeader, decodePaymentResponseHeader, encodePaymentSignatureHeader } from '@x402/core/http'
import type { PaymentPayload, PaymentRequired, SettleResponse } from '@x402/core/types'
import { ExactEvmScheme } from '@x402/evm/exact/client'
import { ExactEvmSchemeV1 } from '@x402/evm/exact/v1/client'
import { appendPaymentIdentifierToExtensions, PAYMENT_IDENTIFIER } from '@x402/extensions/payment-identifier'
import type { PrivateKeyAccount } from 'viem/accounts'
import { type Answer, type RequestOptions, request } from '../client.js'
import type { Chain } from './chain.js'
import { V1_NETWORK } from './facilitator.js'

/** A payment made of an offer, and the header field line that presents it. */
type SignedPayment = { readonly payload: PaymentPayload; readonly field: string }

export type Buyer = {
  /** Signs what a 402 asks for; nothing is sent. `change` may spoil the payload before it is encoded. */
  readonly sign: (refusal: Answer, change?: (payload: Writable) => void) => Promise<SignedPayment>
  /** Asks this port, signs, asks again with the payment. @param target a path, or through a proxy a URL */
  readonly buy: (port: number, target: string, options?: RequestOptions) => Promise<Answer>
}

type Writable = { payload: { signature: string; authorization: Record<string, string> } & Record<string, unknown> }

/** The official client in both dialects, paying anything on this chain that it is asked for. */
export function openBuyer(account: PrivateKeyAccount, chain: Chain): Buyer {
  const client = new x402Client()
    .register(chain.network, new ExactEvmScheme(account))
    .registerV1(V1_NETWORK, new ExactEvmSchemeV1(account))
    .setSpendControls(false)
  const sign: Buyer['sign'] = async (refusal, change) => {
    const offer = readOffer(refusal)
    const payload = await client.createPaymentPayload(offer)
    if (offer.extensions?.[PAYMENT_IDENTIFIER] !== undefined)
      payload.extensions = appendPaymentIdentifierToExtensions(structuredClone(offer.extensions))
    change?.(payload as unknown as Writable)
    const name = offer.x402Version === 1 ? 'X-PAYMENT' : 'PAYMENT-SIGNATURE'
    return { payload, field: `${name}: ${encodePaymentSignatureHeader(payload)}` }
  }
  return {
    sign,
    buy: async (port, target, options = {}) => {
      const refusal = await request(port, target, options)
      if (refusal.status !== 402) return refusal
      const { field } = await sign(refusal)
      return request(port, target, { ...options, fields: [...(options.fields ?? []), field] })
    },
  }
}

/** The offer of a 402: the header of v2, else the body of v1. */
export function readOffer(refusal: Answer): PaymentRequired {
  const header = refusal.header('payment-required')
  return header === undefined ? (JSON.parse(refusal.text) as PaymentRequired) : decodePaymentRequiredHeader(header)
}

/** The receipt of a paid answer. */
export function readReceipt(paid: Answer): SettleResponse | undefined {
  const header = paid.header('payment-response') ?? paid.header('x-payment-response')
  return header === undefined ? undefined : decodePaymentResponseHeader(header)
}
