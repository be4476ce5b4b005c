import type { Millis } from '../time/units.js'
import type { Chain } from '../x402/networks.js'
import type { Asset, WalletLimits } from '../x402/policy.js'
import type { SecretRef } from './config.js'

/** One entry of `wallets`. */
export type WalletSettings = {
  readonly evm: SignerSettings
  readonly chains: readonly Chain[]
  readonly assets: readonly Asset[]
  /** Recipients it may pay, in lower case; any when empty. */
  readonly pay_to: readonly string[]
  readonly limits: WalletLimits
  /** Node that is asked whether a payment was taken. */
  readonly rpc_url: string | undefined
}

export type SignerSettings = {
  readonly source: SignerSource
  /** In lower case; always there where the key is elsewhere. */
  readonly address: string | undefined
  /** Key files may be readable by others. */
  readonly shared: boolean
}

/** What signs; paths are absolute. */
export type SignerSource =
  | { readonly kind: 'key'; readonly key: SecretRef }
  | { readonly kind: 'keystore'; readonly file: string; readonly password: SecretRef }
  | { readonly kind: 'exec'; readonly command: readonly string[]; readonly timeout: Millis }
  | {
      readonly kind: 'remote'
      readonly url: string
      readonly method: 'eth_signTypedData_v4' | 'account_signTypedData' | 'eth_signTypedData'
      readonly timeout: Millis
    }
  | { readonly kind: 'watch' }
