import { randomBytes } from 'node:crypto'
import type { Config } from '../config/config.js'
import { trustedRoots } from '../config/trusted-roots.js'
import { Ledger } from '../ledger/ledger.js'
import { openSigner } from '../signer/open-signer.js'
import type { Signer } from '../signer/signer.js'
import { openStore } from '../store/open-store.js'
import type { Store } from '../store/store.js'
import { systemClock } from '../time/clock.js'
import type { WalletLimits } from '../x402/policy.js'
import { type Payments, paidRequest } from './paid-request.js'
import { RunningPurchases } from './running-purchases.js'

export type OpenPayments = {
  readonly payments: Payments
  /** For who looks at the ledger. */
  readonly store: Store
  /** Other wallets, or none; the ledger stays where it is. They pay when it is committed. @throws SignerError */
  readonly prepare: (config: Config) => Promise<{ readonly commit: () => void; readonly discard: () => void }>
  readonly close: () => Promise<void>
}

/** Where it says what happened; nothing of it is secret. */
type Says = {
  readonly info: (facts: object, what: string) => void
  readonly error: (facts: object, what: string) => void
}

type Hears = {
  readonly paid: Payments['report']
  readonly storeFailed: () => void
}

type Wallets = ReadonlyMap<string, { readonly signer: Signer | undefined; readonly limits: WalletLimits }>

/**
 * Opens the ledger, and the wallets that routes pay from. @param heard told what the log is told, and of a store that fails
 * @throws StoreError, SignerError, SecretError
 */
export async function openPayments(
  config: Config,
  env: NodeJS.ProcessEnv,
  log: Says,
  heard?: Hears,
): Promise<OpenPayments> {
  const { store: settings, state, egress } = config
  let wallets = await openWallets(config, env)
  const world = { state, clock: systemClock, env, caFile: egress.ca_file, name: 'ledger' }
  const store = await openStore(settings, world).catch((error: unknown) => {
    closeWallets(wallets)
    throw error
  })
  const ledger = new Ledger(store, systemClock, randomBytes(8).toString('hex'), error => {
    log.error({ error: error.message }, 'the ledger could not be written')
    heard?.storeFailed()
  })
  await ledger.recover().catch(async (error: unknown) => {
    closeWallets(wallets)
    await store.close()
    throw error
  })
  return {
    payments: {
      request: paidRequest,
      ledger,
      signer: name => wallets.get(name)?.signer,
      limits: name => wallets.get(name)?.limits ?? NOTHING,
      running: new RunningPurchases(),
      report: (event, spend) => {
        log.info(event, 'payment')
        heard?.paid(event, spend)
      },
    },
    store,
    prepare: async next => {
      const opened = await openWallets(next, env)
      return {
        commit: () => {
          closeWallets(wallets)
          wallets = opened
        },
        discard: () => closeWallets(opened),
      }
    },
    close: async () => {
      closeWallets(wallets)
      await ledger.close()
      await store.close()
    },
  }
}

/** Of a wallet that is gone: nothing may be spent. */
const NOTHING: WalletLimits = { per_request: {}, per_hour: {}, per_day: {}, total: {}, per_minute: 0 }

async function openWallets({ wallets, routes, egress }: Config, env: NodeJS.ProcessEnv): Promise<Wallets> {
  const used = new Set(routes.flatMap(({ payment }) => (payment ? [payment.wallet] : [])))
  const ca = await trustedRoots(egress.ca_file)
  const opened = await Promise.allSettled(
    Object.entries(wallets)
      .filter(([name]) => used.has(name))
      .map(async ([name, { evm, limits }]) => {
        const signer = await openSigner(evm, { env, clock: systemClock, ca })
        return [name, { signer, limits }] as const
      }),
  )
  const good = new Map(opened.flatMap(result => (result.status === 'fulfilled' ? [result.value] : [])))
  for (const result of opened) {
    if (result.status === 'fulfilled') continue
    closeWallets(good)
    throw result.reason
  }
  return good
}

function closeWallets(wallets: Wallets): void {
  for (const { signer } of wallets.values()) signer?.close()
}
