import { jsonRpc, RpcError, type RpcSettings } from '../rpc/json-rpc.js'
import type { Clock } from '../time/clock.js'
import type { TypedData } from '../x402/scheme.js'
import { type Signer, SignerError } from './signer.js'

/** How wallets call it: Ethereum nodes, clef, and Web3signer, which wants the data as text. */
export type SigningMethod = 'eth_signTypedData_v4' | 'account_signTypedData' | 'eth_signTypedData'

/** A wallet behind JSON-RPC: the key never comes here. */
export function remoteSigner(settings: RpcSettings, method: SigningMethod, address: string, clock: Clock): Signer {
  const call = jsonRpc(settings, clock)
  let closed = false
  const sign = async (typed: TypedData): Promise<string> => {
    if (closed) throw new SignerError('the wallet is closed')
    const data = method === 'eth_signTypedData' ? JSON.stringify(typed) : typed
    const signature = await call(method, [address, data]).catch((error: unknown) => {
      throw new SignerError(error instanceof RpcError ? error.message : 'the remote signer failed')
    })
    if (typeof signature !== 'string') throw new SignerError('the remote signer gave no signature')
    return signature
  }
  const close = (): void => {
    closed = true
  }
  return { address, sign, close }
}

/**
 * Whether the wallet says that it cannot sign for this address. One that does not answer, or does not tell its accounts,
 * says nothing: its signatures are verified anyway.
 */
export async function lacksAccount(settings: RpcSettings, address: string, clock: Clock): Promise<boolean> {
  const accounts = await jsonRpc(settings, clock)('eth_accounts', []).catch(() => undefined)
  const isOurs = (account: unknown) => typeof account === 'string' && account.toLowerCase() === address.toLowerCase()
  return Array.isArray(accounts) && !accounts.some(isOurs)
}
