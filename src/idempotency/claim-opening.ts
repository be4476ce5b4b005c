import { type InsertBucket, takeInsert } from '../policy/insert-rate.js'
import type { Change, Put } from '../store/store.js'
import { type Millis, seconds } from '../time/units.js'
import type { Asked } from './asked.js'
import { type ClaimRecord, claimKey, decodeRecord, encodeRecord } from './claim-record.js'

/** What a look at the store showed, and did: the claim is made in the same breath. */
export type Sight =
  | Ours
  | { readonly kind: 'refused'; readonly retryAfter: Millis }
  | { readonly kind: 'found'; readonly record: ClaimRecord; readonly standing: Standing }
  | { readonly kind: 'broken' }

/** @property written the record as the store has it */
export type Ours = { readonly kind: 'ours'; readonly record: ClaimRecord; readonly written: Buffer }

/** A record's state, by what is known beside it. */
export type Standing = 'running' | 'completed' | 'bodiless' | 'uncertain'

/** Who looks, and what is known that the record does not say. */
export type Viewer = {
  readonly instance: string
  /** Unix milliseconds. */
  readonly now: number
  /** The owner token that a new claim gets. */
  readonly owner: string
  /** Unix milliseconds: when a new claim is over whatever happens. */
  readonly leaseUntil: number
  /** To be written with a new claim. */
  readonly beat: Put | undefined
  /** The process whose heartbeat, read again in the same update, still has this value: it is dead. */
  readonly gone: { readonly instance: string; readonly value: Buffer | undefined } | undefined
  /** The owner of a completed claim whose answer is not there any more. */
  readonly bodiless: string | undefined
}

/** Bytes of a bucket. */
const BUCKET = 16
/** Milliseconds that a bucket is kept beyond its use, at most. */
const BUCKET_STEP = 10_000

export const bucketKey = (bucket: string): string => `bucket/${bucket}`

/**
 * I4 to I6 and I11 to I12 in one atomic step. Pure. @param current of the claim, the bucket and, where `viewer.gone`
 * names one, that heartbeat
 */
export function openClaim(current: readonly (Buffer | undefined)[], asked: Asked, viewer: Viewer): Change<Sight> {
  const [value, bucket, heartbeat] = current
  if (value === undefined) return newClaim(bucket, asked, viewer)
  const record = decodeRecord(value)
  // It may say that this was sent: fail closed.
  if (record === undefined) return { result: { kind: 'broken' } }
  const standing = standingOf(record, viewer, heartbeat)
  if (verdict(record, standing, asked) !== 'take') return { result: { kind: 'found', record, standing } }
  const { owner, instance, leaseUntil } = viewer
  return claimed({ ...record, state: 'open', owner, instance, resumed: true, leaseUntil, status: undefined }, asked, [
    viewer.beat,
  ])
}

function newClaim(bucket: Buffer | undefined, asked: Asked, viewer: Viewer): Change<Sight> {
  const { now, owner, instance, leaseUntil, beat } = viewer
  const { rules, fingerprint, about } = asked
  const { bucket: left, retryAfter } = takeInsert(parseBucket(bucket), now, rules.rate)
  // Nothing is written: the key stays absent, and gets the real answer later (I8).
  if (retryAfter !== undefined) return { result: { kind: 'refused', retryAfter } }
  const full = now + seconds(Math.ceil(rules.rate.burst / rules.rate.per_second) + 1)
  // In steps: an end that stays the same costs a store less.
  const expiresAt = Math.ceil(full / BUCKET_STEP) * BUCKET_STEP
  const value = formatBucket(left)
  const times = { claimedAt: now, leaseUntil, expiresAt: now + rules.ttl }
  return claimed(
    { state: 'open', fingerprint, owner, instance, resumed: false, ...times, status: undefined, about },
    asked,
    [{ key: bucketKey(asked.bucket), value, expiresAt }, beat],
  )
}

function claimed(record: ClaimRecord, { lookup }: Asked, others: readonly (Put | undefined)[]): Change<Sight> {
  // A key must not come free while its request runs.
  const expiresAt = Math.max(record.expiresAt, record.leaseUntil)
  const written = encodeRecord(record)
  const put: Put = { key: claimKey(lookup), value: written, expiresAt }
  return { result: { kind: 'ours', record, written }, puts: [put, ...others.filter(other => other !== undefined)] }
}

function standingOf(record: ClaimRecord, viewer: Viewer, heartbeat: Buffer | undefined): Standing {
  if (record.state === 'completed') return record.owner === viewer.bodiless ? 'bodiless' : 'completed'
  if (record.state !== 'open') return record.state
  // What this process runs it knows without looking here; a claim in its name is one that it lost.
  if (record.instance === viewer.instance || record.leaseUntil <= viewer.now) return 'uncertain'
  const { gone } = viewer
  return gone?.instance === record.instance && same(gone.value, heartbeat) ? 'uncertain' : 'running'
}

const same = (a: Buffer | undefined, b: Buffer | undefined): boolean =>
  a === undefined || b === undefined ? a === b : a.equals(b)

/** What the record means for one who asks: another payload is told so in every state. */
export function verdict(
  record: ClaimRecord,
  standing: Standing,
  { fingerprint, uncertain }: Asked,
): 'reused' | 'wait' | 'replay' | 'no-body' | 'unknown' | 'take' {
  if (record.fingerprint !== fingerprint) return 'reused'
  switch (standing) {
    case 'running':
      return 'wait'
    case 'completed':
      return 'replay'
    // Only an upstream that deduplicates can be asked again for an answer that is lost.
    case 'bodiless':
      return uncertain === 'resume' ? 'take' : 'no-body'
    case 'uncertain':
      return uncertain === 'block' ? 'unknown' : 'take'
  }
}

/** Two numbers: every new claim reads and writes them. */
function formatBucket({ level, at }: InsertBucket): Buffer {
  const value = Buffer.allocUnsafe(BUCKET)
  value.writeDoubleLE(level)
  value.writeDoubleLE(at, 8)
  return value
}

/** What is none of ours is an empty one: a ceiling is not worth a refusal. */
function parseBucket(value: Buffer | undefined): InsertBucket | undefined {
  if (value?.length !== BUCKET) return undefined
  const [level, at] = [value.readDoubleLE(), value.readDoubleLE(8)]
  return Number.isFinite(level) && Number.isFinite(at) ? { level, at } : undefined
}
