import type { Change, Put } from '../store/store.js'
import type { Ours } from './claim-opening.js'
import { answerKey, type ClaimRecord, claimKey, decodeRecord, encodeRecord } from './claim-record.js'
import { encodeAnswer, type StoredAnswer } from './stored-answer.js'

/** How a claim ends. */
export type ClaimEnd =
  | { readonly kind: 'complete'; readonly status: number; readonly answer: StoredAnswer | undefined }
  | { readonly kind: 'release'; readonly shared: StoredAnswer | undefined }
  | { readonly kind: 'uncertain' }
  /** Whoever asked for it has left, or never heard of it: nothing was sent. */
  | { readonly kind: 'undo' }

/** The keys that `endClaim` is asked about, in their order. */
export const keysOfEnd = (lookup: string): readonly string[] => [claimKey(lookup), answerKey(lookup)]

/**
 * What the end of a claim writes, in one step. Pure. Another owner's record is left alone: it took this one over. Where
 * there is none (the store lost it) what happened is still written, so that nobody does it again.
 * @param claimed as it was claimed @param value what is kept now @param now Unix milliseconds
 */
export function endClaim(
  lookup: string,
  claimed: Pick<Ours, 'record' | 'written'>,
  end: ClaimEnd,
  value: Buffer | undefined,
  now: number,
): Change<undefined> {
  const { record: mine, written } = claimed
  // Most often it is as it was claimed: no need to read it.
  if (value !== undefined && !value.equals(written) && decodeRecord(value)?.owner !== mine.owner) return NOTHING
  const over = { ...mine, leaseUntil: 0 }
  switch (end.kind) {
    case 'complete': {
      const { status, answer } = end
      const state = answer === undefined ? 'bodiless' : 'completed'
      return writing(lookup, { ...over, state, status }, answer, now)
    }
    case 'uncertain':
      return writing(lookup, { ...over, state: 'uncertain' }, undefined, now)
    case 'release':
      return { result: undefined, deletes: [claimKey(lookup)] }
    case 'undo':
      return undoClaim(lookup, mine.owner, value, now)
  }
}

/** Nothing was sent under this claim, if it was made at all: the key is what it was before. Pure. */
export function undoClaim(lookup: string, owner: string, value: Buffer | undefined, now: number): Change<undefined> {
  const current = value === undefined ? undefined : decodeRecord(value)
  if (current?.owner !== owner) return NOTHING
  if (current.resumed) return writing(lookup, { ...current, state: 'uncertain', leaseUntil: 0 }, undefined, now)
  return { result: undefined, deletes: [claimKey(lookup)] }
}

const NOTHING: Change<undefined> = { result: undefined }

function writing(
  lookup: string,
  record: ClaimRecord,
  answer: StoredAnswer | undefined,
  now: number,
): Change<undefined> {
  const { expiresAt, owner } = record
  if (expiresAt <= now) return { result: undefined, deletes: [claimKey(lookup)] }
  const puts: Put[] = [{ key: claimKey(lookup), value: encodeRecord(record), expiresAt }]
  if (answer !== undefined)
    puts.push({ key: answerKey(lookup), value: encodeAnswer(owner, answer), expiresAt, evictable: true })
  return { result: undefined, puts }
}
