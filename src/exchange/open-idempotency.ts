import { randomBytes } from 'node:crypto'
import type { Config } from '../config/config.js'
import { Claims } from '../idempotency/claims.js'
import { installSecret } from '../idempotency/install-secret.js'
import { MintedKeys } from '../idempotency/minted-keys.js'
import { openStore } from '../store/open-store.js'
import type { Store, StoreError } from '../store/store.js'
import { systemClock } from '../time/clock.js'
import { type Idempotency, keyedRequest } from './keyed-request.js'

export type OpenIdempotency = {
  readonly idempotency: Idempotency
  /** For who looks at the claims. */
  readonly store: Store
  readonly close: () => Promise<void>
}

/**
 * @param onLost told when the end of a claim could not be written
 * @param minted what is known of keys that we made
 * @throws StoreError, SecretError
 */
export async function openIdempotency(
  { store: settings, state, egress }: Config,
  env: NodeJS.ProcessEnv,
  onLost: (error: StoreError) => void,
  minted = new MintedKeys(systemClock),
): Promise<OpenIdempotency> {
  const store = await openStore(settings, { state, clock: systemClock, env, caFile: egress.ca_file })
  try {
    const secret = await installSecret(store, state)
    const claims = new Claims(store, systemClock, randomBytes(8).toString('hex'), onLost)
    const close = async () => {
      await claims.close()
      await store.close()
    }
    return { idempotency: { request: keyedRequest, secret, minted, claims }, store, close }
  } catch (error) {
    await store.close()
    throw error
  }
}
