import { randomBytes } from 'node:crypto'
import type { Rpc } from '../rpc/json-rpc.js'
import type { Store } from '../store/store.js'
import type { Clock } from '../time/clock.js'
import { ChainView, type Proof } from './chain-view.js'
import { closed, put, recordOf, type Step, spendOf } from './change-purchase.js'
import { type Entry, type EntryFilter, listEntries } from './entry.js'
import { Ledger } from './ledger.js'
import { bookKey, busyKey, fieldKey, liveKey, type PurchaseState, spendKey } from './purchase-record.js'
import { encodeSpend, giveBackIn } from './spend.js'

/** How an entry stands against the chain. */
export type Reconciled = {
  readonly entry: Entry
  /**
   * confirmed: as the ledger said · late: taken, which nobody had told us · dead: never taken, nor ever will be ·
   * differs: the chain moved another amount · open: it may yet be taken · running: somebody presents it
   */
  readonly found: 'confirmed' | 'late' | 'dead' | 'differs' | 'open' | 'running'
}

/** Entries that are looked into at once. */
const AT_ONCE = 8

/**
 * Asks the chain about everything it has not confirmed yet, and writes down what it says: afterwards what is settled is
 * what the chain moved, to the unit, but for what is still open (P10). Entries of other networks are left alone.
 * @param say told how many of how many are done @throws StoreError, RpcError
 */
export async function reconcile(
  store: Store,
  clock: Clock,
  rpc: Rpc,
  filter: EntryFilter = {},
  say: (done: number, total: number) => void = () => undefined,
): Promise<{ readonly network: string; readonly results: readonly Reconciled[] }> {
  await new Ledger(store, clock, randomBytes(8).toString('hex')).recover()
  const chain = await ChainView.open(rpc)
  const isWanted = ({ proven, nonce, network }: Entry) => !proven && nonce !== '' && network === chain.network
  let total = 0
  for await (const entry of listEntries(store, clock.now(), filter)) if (isWanted(entry)) total++
  const results: Reconciled[] = []
  let some: Entry[] = []
  const flush = async () => {
    results.push(...(await Promise.all(some.map(entry => reconcileOne(store, clock, chain, entry)))))
    some = []
    say(results.length, total)
  }
  for await (const entry of listEntries(store, clock.now(), filter)) {
    if (isWanted(entry) && some.push(entry) === AT_ONCE) await flush()
  }
  await flush()
  return { network: chain.network, results }
}

async function reconcileOne(store: Store, clock: Clock, chain: ChainView, entry: Entry): Promise<Reconciled> {
  const proof = await chain.prove(entry)
  if (proof.kind === 'open') return { entry, found: entry.state === 'signed' ? 'running' : 'open' }
  const { keys, decide } = proofStep(entry, proof, clock.now())
  const state = await store.update(keys, decide, { flushed: true })
  if (state === undefined) return { entry, found: 'running' }
  const proven = { ...entry, state, proven: true }
  if (proof.kind === 'dead') return { entry: proven, found: 'dead' }
  const isOther = proof.moved !== undefined && proof.moved !== entry.amount
  return { entry: proven, found: isOther ? 'differs' : state === entry.state ? 'confirmed' : foundBy(entry.state) }
}

const foundBy = (state: PurchaseState): 'confirmed' | 'late' =>
  state === 'delivered_unconfirmed' ? 'confirmed' : 'late'

/** What the chain says, as a change of the store. @returns the state then; `undefined`: somebody is at it, it is left alone */
function proofStep(
  { id, purchaseKey, wallet }: Entry,
  proof: Exclude<Proof, { kind: 'open' }>,
  now: number,
): Step<PurchaseState | undefined> {
  const keys = [busyKey(id), bookKey(id), liveKey(purchaseKey), fieldKey(id), spendKey(wallet)]
  const decide: Step<PurchaseState | undefined>['decide'] = ([busy, book, live, , spent]) => {
    const current = busy === undefined ? recordOf(book) : undefined
    if (current === undefined) return { result: undefined }
    if (current.proven) return { result: current.state }
    if (proof.kind === 'dead') {
      const change = closed({ ...current, proven: true }, 'expired', live, now)
      // Only now is it sure that nobody can cash what was counted.
      const spend = giveBackIn(spendOf(spent), current, current.signedAt)
      const puts = [...(change.puts ?? []), put(spendKey(wallet), encodeSpend(spend))]
      return { ...change, result: 'expired', puts }
    }
    const state = TAKEN[current.state]
    const transaction = proof.transaction || current.transaction
    return { ...closed({ ...current, transaction, proven: true }, state, live, now), result: state }
  }
  return { keys, decide }
}

/** What a purchase is once the chain has it. */
const TAKEN: Readonly<Record<PurchaseState, PurchaseState>> = {
  reserved: 'settled_late',
  signed: 'settled_late',
  unknown: 'settled_late',
  refused_live: 'settled_late',
  settled: 'settled',
  delivered_unconfirmed: 'settled',
  settled_undelivered: 'settled_undelivered',
  settled_late: 'settled_late',
  expired: 'settled_late',
}
