import { totalsOf } from '../ledger/entry.js'
import { reconcile } from '../ledger/reconcile.js'
import { jsonRpc } from '../rpc/json-rpc.js'
import { openStore } from '../store/open-store.js'
import { systemClock } from '../time/clock.js'
import { seconds } from '../time/units.js'

/**
 * What the daemon's own ledger says was paid, in atomic units, as `mulligan ledger reconcile` leaves it; `undefined` when
 * something is still in doubt. The daemon must have ended. @param state its directory
 */
export async function bookedUnits(state: string, rpcUrl: string): Promise<bigint | undefined> {
  const world = { state, clock: systemClock, env: {}, name: 'ledger' }
  const store = await openStore({ kind: 'embedded' }, world)
  try {
    const rpc = jsonRpc({ url: rpcUrl, timeout: seconds(5), ca: undefined }, systemClock)
    const { results } = await reconcile(store, systemClock, rpc)
    const totals = totalsOf(results.map(({ entry }) => entry))
    const isSure = results.every(({ found }) => found === 'confirmed') && totals.every(({ open }) => open === 0n)
    return isSure ? totals.reduce((sum, { settled }) => sum + settled, 0n) : undefined
  } finally {
    await store.close()
  }
}
