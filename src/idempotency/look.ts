import { type Heartbeat, instanceKey, isGone } from '../store/heartbeat.js'
import { type Store, StoreError } from '../store/store.js'
import { type Clock, timeLeft } from '../time/clock.js'
import { seconds } from '../time/units.js'
import type { Asked } from './asked.js'
import { bucketKey, openClaim, type Sight, type Viewer } from './claim-opening.js'
import { answerKey, claimKey } from './claim-record.js'
import { decodeAnswer, type StoredAnswer } from './stored-answer.js'

/** What `look` saw; `answer` where a completed claim has the payload that was asked for. */
export type Seen =
  | Exclude<Sight, { readonly kind: 'broken' | 'ours' }>
  /** `leaseUntil`: monotonic milliseconds. */
  | (Extract<Sight, { readonly kind: 'ours' }> & { readonly leaseUntil: number })
  | (Extract<Sight, { readonly kind: 'found' }> & { readonly answer: StoredAnswer })
  /** `made`: the claim may be in the store all the same. */
  | { readonly kind: 'failed'; readonly error: StoreError; readonly made: boolean }

/** How long an open claim outlasts the deadline of its exchange. */
const LEASE_SLACK = seconds(30)
/** No exchange is given longer, whatever its deadline. */
const LEASE_MAX = seconds(86_400)
/** Each further look learned something; a store that says something else every time is not believed for ever. */
const LOOKS = 4

/** Monotonic milliseconds, for a claim that is made now. */
export const leaseEnd = (clock: Clock, dueAt: number): number =>
  clock.monotonic() + Math.min(timeLeft(clock, dueAt), LEASE_MAX) + LEASE_SLACK

/**
 * Claims the operation for `asked` if it is to be had, else says what stands in the way. One update where nobody else
 * is concerned. Never rejects. @param owner the token that a claim gets
 */
export async function look(store: Store, clock: Clock, heart: Heartbeat, asked: Asked, owner: string): Promise<Seen> {
  try {
    return await lookOften(store, clock, heart, asked, owner)
  } catch (error) {
    const known = toStoreError(error)
    return { kind: 'failed', error: known, made: known.trouble === 'unreachable' }
  }
}

export const toStoreError = (error: unknown): StoreError =>
  error instanceof StoreError ? error : new StoreError('broken', 'the store failed', { cause: error })

async function lookOften(store: Store, clock: Clock, heart: Heartbeat, asked: Asked, owner: string): Promise<Seen> {
  let gone: Viewer['gone']
  let bodiless: string | undefined
  for (let left = LOOKS; ; left--) {
    const sight = await lookOnce(store, clock, heart, asked, { owner, gone, bodiless })
    if (sight.kind === 'broken') throw new StoreError('broken', 'the store has a claim that this version cannot read')
    if (sight.kind !== 'found' || sight.record.fingerprint !== asked.fingerprint || left === 0) return sight
    const { record, standing } = sight
    if (standing === 'running') {
      const { instance } = record
      const value = await store.get(instanceKey(instance))
      if (!isGone(value)) return sight
      gone = { instance, value }
    } else if (standing === 'completed') {
      const value = await store.get(answerKey(asked.lookup))
      const answer = value === undefined ? undefined : decodeAnswer(value, record.owner)
      if (answer !== undefined) return { ...sight, answer }
      bodiless = record.owner
    } else return sight
  }
}

async function lookOnce(
  store: Store,
  clock: Clock,
  heart: Heartbeat,
  asked: Asked,
  known: Pick<Viewer, 'owner' | 'gone' | 'bodiless'>,
): Promise<Exclude<Sight, { readonly kind: 'ours' }> | Extract<Seen, { readonly kind: 'ours' }>> {
  const { instance } = heart
  const now = clock.now()
  const leaseAt = leaseEnd(clock, asked.dueAt)
  const leaseUntil = Math.ceil(now + leaseAt - clock.monotonic())
  const beat = heart.due()
  const viewer: Viewer = { ...known, instance, now, leaseUntil, beat }
  const keys = [claimKey(asked.lookup), bucketKey(asked.bucket)]
  if (known.gone !== undefined) keys.push(instanceKey(known.gone.instance))
  if (beat !== undefined) keys.push(beat.key)
  const sight = await store.update(keys, current => openClaim(current, asked, viewer))
  if (sight.kind !== 'ours') return sight
  heart.wrote(beat)
  return { ...sight, leaseUntil: leaseAt }
}
