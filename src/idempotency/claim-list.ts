import { instanceKey, isGone } from '../store/heartbeat.js'
import type { Store } from '../store/store.js'
import { CLAIM_PREFIX, type ClaimRecord, claimKey, decodeRecord, encodeRecord } from './claim-record.js'
import { keyPrintOf } from './lookup.js'

/** A claim as the operator sees it; holds nothing secret. */
export type ClaimView = {
  /** The first 12 hex digits of its lookup: how people name it. */
  readonly ref: string
  /** no-body: completed, and its answer was too large to keep. */
  readonly state: 'in-flight' | 'completed' | 'no-body' | 'uncertain'
  readonly route: string
  readonly origin: string
  readonly method: string
  /** The first 8 characters of a key of 16 or more, else nothing. */
  readonly keyHint: string
  /** Unix milliseconds, as `expiresAt`: the key is free then. */
  readonly claimedAt: number
  readonly expiresAt: number
  /** Of the answer, once it completed. */
  readonly status: number | undefined
}

/** done · absent: no such claim · ambiguous: more than one · settled: its outcome is known · running: somebody is on it */
export type Resolution = 'done' | 'absent' | 'ambiguous' | 'settled' | 'running'

type Entry = { readonly lookup: string; readonly record: ClaimRecord; readonly view: ClaimView }

const REF_LENGTH = 12

/** @param now Unix milliseconds @throws StoreError */
export async function* listClaims(store: Store, now: number): AsyncGenerator<ClaimView> {
  for await (const { view } of entries(store, now, '')) yield view
}

/**
 * Those that `name` may mean: a ref (or some first hex digits of it), or the key itself as the client sent it.
 * @param secret from `installSecret` @throws StoreError
 */
export async function findClaims(store: Store, secret: Buffer, now: number, name: string): Promise<ClaimView[]> {
  const byRef = isRef(name) ? await collect(entries(store, now, name)) : []
  if (byRef.length > 0) return byRef.map(({ view }) => view)
  const print = keyPrintOf(secret, name)
  const all = await collect(entries(store, now, ''))
  return all.filter(({ record }) => record.about.keyPrint === print).map(({ view }) => view)
}

/**
 * Executed: repeats are told that it was, for its answer is not known. Not executed: the key is free. Only an uncertain
 * claim can be resolved: of the others more is known than an operator can say. @throws StoreError
 */
export async function resolveClaim(
  store: Store,
  now: number,
  ref: string,
  found: 'executed' | 'not-executed',
): Promise<Resolution> {
  const named = isRef(ref) ? await collect(entries(store, now, ref)) : []
  const [first, second] = named
  if (first === undefined) return 'absent'
  if (second !== undefined) return 'ambiguous'
  if (first.view.state === 'in-flight') return 'running'
  if (first.view.state !== 'uncertain') return 'settled'
  const key = claimKey(first.lookup)
  return store.update<Resolution>([key], ([value]) => {
    const record = value === undefined ? undefined : decodeRecord(value)
    if (record === undefined) return { result: 'absent' }
    // Somebody took it over since it was read.
    if (record.owner !== first.record.owner) return { result: 'running' }
    if (found === 'not-executed') return { result: 'done', deletes: [key] }
    const value_ = encodeRecord({ ...record, state: 'bodiless', leaseUntil: 0 })
    return { result: 'done', puts: [{ key, value: value_, expiresAt: record.expiresAt }] }
  })
}

/** It may be one, or the beginning of one. */
export const isRef = (text: string): boolean => /^[0-9a-f]{4,64}$/.test(text)

async function collect(found: AsyncIterable<Entry>): Promise<Entry[]> {
  const all: Entry[] = []
  for await (const entry of found) all.push(entry)
  return all
}

async function* entries(store: Store, now: number, prefix: string): AsyncGenerator<Entry> {
  const alive = new Map<string, boolean>()
  for await (const [key, value] of store.scan(`${CLAIM_PREFIX}${prefix}`)) {
    const record = decodeRecord(value)
    if (record === undefined) continue
    const { instance } = record
    if (record.state === 'open' && !alive.has(instance))
      alive.set(instance, !isGone(await store.get(instanceKey(instance))))
    const lookup = key.slice(CLAIM_PREFIX.length)
    yield { lookup, record, view: viewOf(lookup, record, now, alive.get(instance) === true) }
  }
}

function viewOf(lookup: string, record: ClaimRecord, now: number, isAlive: boolean): ClaimView {
  const { about, claimedAt, expiresAt, status } = record
  const { route, origin, method, keyHint } = about
  const state = stateOf(record, now, isAlive)
  return { ref: lookup.slice(0, REF_LENGTH), state, route, origin, method, keyHint, claimedAt, expiresAt, status }
}

function stateOf({ state, leaseUntil }: ClaimRecord, now: number, isAlive: boolean): ClaimView['state'] {
  if (state === 'open') return isAlive && leaseUntil > now ? 'in-flight' : 'uncertain'
  return state === 'bodiless' ? 'no-body' : state
}
