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
    let view = viewOf(clock, heart, asked, { owner, gone: undefined, bodiless: undefined })
    for (let left = LOOKS; ; left--) {
      const { viewer } = view
      const sight = await store.update(view.keys, current => openClaim(current, asked, viewer))
      if (sight.kind === 'ours') {
        heart.wrote(viewer.beat)
        return { ...sight, leaseUntil: view.leaseAt }
      }
      if (sight.kind === 'broken') throw new StoreError('broken', 'the store has a claim that this version cannot read')
      if (sight.kind === 'refused' || sight.record.fingerprint !== asked.fingerprint || left === 0) return sight
      if (sight.standing !== 'running' && sight.standing !== 'completed') return sight
      const learned = await learn(store, asked, sight)
      if ('kind' in learned) return learned
      view = viewOf(clock, heart, asked, { ...viewer, ...learned })
    }
  } catch (error) {
    const known = toStoreError(error)
    return { kind: 'failed', error: known, made: known.trouble === 'unreachable' }
  }
}

export const toStoreError = (error: unknown): StoreError =>
  error instanceof StoreError ? error : new StoreError('broken', 'the store failed', { cause: error })

type Learned = Partial<Pick<Viewer, 'gone' | 'bodiless'>>

/** What the store knows beside the record: who died, or what was answered. @returns the last word, or what the next look is told */
async function learn(
  store: Store,
  asked: Asked,
  sight: Extract<Sight, { readonly kind: 'found' }>,
): Promise<Seen | Learned> {
  const { record, standing } = sight
  if (standing === 'running') {
    const { instance } = record
    const value = await store.get(instanceKey(instance))
    return isGone(value) ? { gone: { instance, value } } : sight
  }
  const value = await store.get(answerKey(asked.lookup))
  const answer = value === undefined ? undefined : decodeAnswer(value, record.owner)
  return answer === undefined ? { bodiless: record.owner } : { ...sight, answer }
}

/** Who looks now, and at what. `leaseAt`: monotonic milliseconds. */
function viewOf(
  clock: Clock,
  heart: Heartbeat,
  asked: Asked,
  { owner, gone, bodiless }: Pick<Viewer, 'owner' | 'gone' | 'bodiless'>,
): { readonly viewer: Viewer; readonly keys: readonly string[]; readonly leaseAt: number } {
  const now = clock.now()
  const leaseAt = leaseEnd(clock, asked.dueAt)
  const leaseUntil = Math.ceil(now + leaseAt - clock.monotonic())
  const beat = heart.due()
  const keys = [claimKey(asked.lookup), bucketKey(asked.bucket)]
  if (gone !== undefined) keys.push(instanceKey(gone.instance))
  if (beat !== undefined) keys.push(beat.key)
  return { viewer: { instance: heart.instance, now, owner, leaseUntil, beat, gone, bodiless }, keys, leaseAt }
}
