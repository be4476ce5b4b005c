import { decodeContent } from '../http/content-decoding.js'
import { type Fields, pickFields } from '../http/fields.js'
import { readHint } from '../http/hint.js'
import type { Claim } from '../idempotency/claim.js'
import type { StoredAnswer } from '../idempotency/stored-answer.js'
import { type Classification, classifyAnswer, mediaKind } from '../policy/classify.js'
import type { ClassifyRule, ReplaySettings } from '../policy/idempotency-settings.js'
import { type ClaimConclusion, type ClaimOutcome, concludeClaim } from '../policy/idempotency-storage.js'
import type { ResponseHead } from '../wire/events.js'
import { kept } from '../wire/shared-read.js'
import type { AnswerWitness } from './answer-witness.js'
import type { BodyMemory } from './body-memory.js'
import type { Reached } from './respond.js'

type Ground = {
  readonly settings: ReplaySettings
  readonly classify: readonly ClassifyRule[]
  /** The upstream knows its keys again. */
  readonly dedups: boolean
  /** Unix milliseconds. */
  readonly now: () => number
  /** What the answer with this head was found to be before it went out: also where it breaks off, or is too long to keep. */
  readonly foundIn: (head: ResponseHead) => Classification | undefined
  /** An attempt before the last may have acted. */
  readonly earlierUnknown: () => boolean
  /** Of all bodies together: a long answer that does not fit is not kept. */
  readonly memory: Pick<BodyMemory, 'take' | 'give'>
}

/** Bytes of an answer that count for nothing: most are shorter, and must be replayed also while uploads fill the memory. */
const UNCOUNTED = 65_536

/** Keeps what the client is given, up to `body_max`, and tells the claim how its request ended (I7, I10). */
export class ClaimedAnswer implements AnswerWitness {
  readonly #claim: Claim
  readonly #ground: Ground
  #head: ResponseHead | undefined
  #chunks: Buffer[] | undefined = []
  #bytes = 0
  /** Taken of the memory for all bodies. */
  #counted = 0
  #told = false

  constructor(claim: Claim, ground: Ground) {
    this.#claim = claim
    this.#ground = ground
  }

  begin(head: ResponseHead): void {
    this.#head = head
    this.#claim.begin()
  }

  data(chunk: Buffer): void {
    if (this.#chunks === undefined) return
    const { settings, memory } = this.#ground
    this.#bytes += chunk.length
    const more = Math.max(0, this.#bytes - UNCOUNTED) - this.#counted
    if (this.#bytes > settings.body_max || !memory.take(more)) return this.#forget()
    this.#counted += more
    this.#chunks.push(kept(chunk))
  }

  end(): void {
    this.#answered(true)
  }

  broke(): void {
    if (this.#head) this.#answered(false)
    else this.#conclude({ kind: 'fault', reached: 'unknown' })
  }

  /** An answer that came before. */
  given(answer: StoredAnswer): void {
    const { status, body } = answer
    const mayKeep = body.length <= this.#ground.settings.body_max
    this.#conclude({ kind: 'answer', status, hinted: false, whole: true }, undefined, mayKeep ? answer : undefined)
  }

  refused(reached: Reached): void {
    this.#conclude(reached === 'unknown' ? { kind: 'fault', reached } : { kind: 'refusal' })
  }

  get whenWritten(): (then: () => void) => void {
    return this.#claim.whenWritten
  }

  #forget(): void {
    this.#chunks = undefined
    this.#ground.memory.give(this.#counted)
    this.#counted = 0
  }

  #answered(whole: boolean): void {
    if (this.#head === undefined) return
    const { status, reason, fields } = this.#head
    const { classify, settings, now, foundIn } = this.#ground
    const body = whole && this.#chunks ? Buffer.concat(this.#chunks) : undefined
    const isRead = classify.length > 0 && mediaKind(fields) !== undefined
    const plain = body && isRead ? decodeContent(fields, body, settings.body_max * DECODED_RATIO) : body
    const found = foundIn(this.#head) ?? (plain && classifyAnswer({ status, fields, body: plain }, classify))
    // Of other answers it is not asked, and most are others.
    const hinted = status >= 500 && (found?.retryAfter !== undefined || readHint(fields, now(), []).kind === 'wait')
    // A body in which an error could not be looked for is not replayed either.
    const answer = plain && body && { status, reason, fields: unframed(fields), body }
    this.#conclude({ kind: 'answer', status, hinted, whole }, found, answer)
  }

  #conclude(outcome: ClaimOutcome, found?: Classification, answer?: StoredAnswer): void {
    if (this.#told) return
    this.#told = true
    this.#forget()
    const { dedups, settings } = this.#ground
    const facts = { dedups, settings, classified: found?.as, earlierUnknown: this.#ground.earlierUnknown() }
    this.#tell(concludeClaim(outcome, facts), outcome.kind === 'answer' ? outcome.status : 0, answer)
  }

  #tell(conclusion: ClaimConclusion, status: number, answer: StoredAnswer | undefined): void {
    if (conclusion === 'store') this.#claim.complete(status, answer)
    else if (conclusion === 'release') this.#claim.release(answer)
    else this.#claim.uncertain()
  }
}

/** How much longer a compressed body may be than it came, at most, to be classified. */
const DECODED_RATIO = 8

/** Whoever gives the answer again frames it; what `Connection` names is left out then. */
export const unframed = (fields: Fields): string[] => pickFields(fields, name => !FRAMING.has(name))

const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'trailer'])
