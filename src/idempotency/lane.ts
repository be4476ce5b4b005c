import type { Heartbeat } from '../store/heartbeat.js'
import { type Store, StoreError } from '../store/store.js'
import type { Cancel, Clock } from '../time/clock.js'
import { type Millis, millis, seconds } from '../time/units.js'
import type { Asked, Opened } from './asked.js'
import { Claim } from './claim.js'
import type { ClaimEnd } from './claim-end.js'
import { verdict } from './claim-opening.js'
import type { ClaimRecord } from './claim-record.js'
import { type Held, newOwner, writeEnd } from './held-claim.js'
import { leaseEnd, look, type Seen } from './look.js'
import { comeBackAfter, Seeker, type WaitingRoom } from './seeker.js'
import { keptAnswer, type StoredAnswer, sharedAnswer } from './stored-answer.js'

/** What all lanes of a process share. */
export type World = {
  readonly store: Store
  readonly clock: Clock
  readonly heart: Heartbeat
  readonly room: WaitingRoom
  /** Lanes that wait to write again. */
  readonly troubled: Set<Lane>
  /** The end of a claim could not be written: it becomes uncertain. */
  readonly onLost: (error: StoreError) => void
  /** The lane has nothing left to do. */
  readonly onIdle: (lane: Lane) => void
}

/** How many may wait for one key. */
const SEATS_PER_KEY = 256
/** A claim of another process is looked at again after this, then less and less often. */
const POLL = millis(100)
const POLL_MAX = seconds(1)
/** An end that could not be written is written again after this, then less often, while its lease lasts. */
const RETRY = millis(250)
const RETRY_MAX = seconds(1)
const TROUBLED_MAX = 256

/**
 * One operation in this process, and all who ask for it. One of them at a time looks into the store, for all who had come
 * by then; while one holds the claim the others wait here, and are told its end without the store.
 *
 * An answer is told when it is written. Why what may take long to write (Redis) may be told before: until then the store
 * has the claim as open, which a crash makes uncertain and never absent. So nothing is sent again but where the rules say
 * that an uncertain request is (I12). Nobody here claims anew before the end is written.
 */
export class Lane {
  readonly lookup: string
  readonly #world: World
  readonly #seekers = new Set<Seeker>()
  #held: Held | undefined
  #waiting = 0
  #isServing = false
  /** Who looks next, without a pause. */
  #urgent: Seeker | undefined
  #endPause: Cancel | undefined
  #isClosed = false
  /** What it does in the store. */
  #work: Promise<void> | undefined

  constructor(lookup: string, world: World) {
    this.lookup = lookup
    this.#world = world
  }

  open(asked: Asked, done: (opened: Opened) => void): Cancel {
    const { clock } = this.#world
    const seeker = new Seeker(asked, clock, done, () => this.#tellInFlight(seeker, clock.monotonic() - since))
    const since = clock.monotonic()
    this.#seekers.add(seeker)
    if (this.#held !== undefined) this.#consult(seeker, this.#held)
    // What a running look shows may be older than this request: it is for the next one.
    else if (this.#isServing) this.#endPause?.()
    else this.#work = this.#serve()
    return () => {
      seeker.leave()
      this.#remove(seeker)
    }
  }

  /** A claim that nobody ended in its time never will be. */
  checkLease(): void {
    const held = this.#held
    if (held === undefined || held.hasBegun || held.leaseUntil > this.#world.clock.monotonic()) return
    this.#settle(held, { kind: 'uncertain' })
  }

  /** Who still waits is told; resolves when the store is not needed any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    const error = new StoreError('unreachable', 'the store is being closed')
    this.#tellAll({ kind: 'store-failed', error })
    this.#endPause?.()
    // What ends may leave a claim to be undone.
    for (let work = this.#work; work !== undefined; work = this.#work === work ? undefined : this.#work) await work
  }

  /** Looks, and tells what it saw, until everybody is told or one of them holds the claim. */
  async #serve(): Promise<void> {
    this.#isServing = true
    let pause = POLL
    for (;;) {
      let lead = this.#nextLead()
      if (lead !== undefined && lead !== this.#urgent && this.#world.room.has(lead)) {
        await this.#pause(pause)
        pause = millis(Math.min(POLL_MAX, pause * 1.5))
        lead = this.#nextLead()
      }
      this.#urgent = undefined
      if (lead === undefined) break
      const present = [...this.#seekers]
      const { store, clock, heart } = this.#world
      const owner = newOwner()
      const leaseUntil = leaseEnd(clock, lead.asked.dueAt)
      this.#tellSeen(await look(store, clock, heart, lead.asked, owner), lead, present, { owner, leaseUntil })
    }
    this.#isServing = false
    this.#restIfIdle()
  }

  #nextLead(): Seeker | undefined {
    if (this.#held !== undefined) return undefined
    if (this.#urgent !== undefined && this.#seekers.has(this.#urgent)) return this.#urgent
    let first: Seeker | undefined
    for (const seeker of this.#seekers) {
      if (!this.#world.room.has(seeker)) return seeker
      first ??= seeker
    }
    return first
  }

  #tellSeen(seen: Seen, lead: Seeker, present: readonly Seeker[], mine: Pick<Held, 'owner' | 'leaseUntil'>): void {
    switch (seen.kind) {
      case 'ours':
        return this.#claim(lead, this.#hold({ ...mine, claimed: seen, leaseUntil: seen.leaseUntil }), seen.record)
      case 'refused':
        return this.#tellAll({ kind: 'insert-rate', retryAfter: seen.retryAfter }, present)
      case 'failed':
        this.#tellAll({ kind: 'store-failed', error: seen.error }, present)
        // A claim that nobody was told of would block its key as uncertain.
        if (seen.made) this.#settle(this.#hold({ ...mine, claimed: undefined }), { kind: 'undo' })
        return
      case 'found': {
        const known = seen.record.fingerprint === lead.asked.fingerprint
        for (const seeker of present) if (this.#seekers.has(seeker)) this.#tellFound(seen, seeker, known)
      }
    }
  }

  /** @param known whether the one who looked had the payload of the record, and so looked at all there is */
  #tellFound(seen: Extract<Seen, { readonly kind: 'found' }>, seeker: Seeker, known: boolean): void {
    const { record, standing } = seen
    const said = verdict(record, standing, seeker.asked)
    if (said === 'reused' || said === 'unknown') this.#tell(seeker, { kind: said })
    else if (said === 'no-body') this.#tell(seeker, { kind: said, status: record.status ?? 0 })
    else if (said === 'replay' && 'answer' in seen) this.#tell(seeker, { kind: said, answer: seen.answer })
    else if (said === 'wait' && known) this.#wait(seeker, record)
    else this.#urgent ??= seeker
  }

  #hold(held: Pick<Held, 'owner' | 'claimed' | 'leaseUntil'>): Held {
    const { owner, claimed, leaseUntil } = held
    this.#held = { owner, claimed, leaseUntil, hasBegun: false, end: undefined, trouble: undefined }
    this.#world.heart.hold()
    return this.#held
  }

  #claim(lead: Seeker, held: Held, { resumed }: ClaimRecord): void {
    if (!this.#seekers.has(lead)) return this.#settle(held, { kind: 'undo' })
    const begun = () => {
      held.hasBegun = true
    }
    const claim = new Claim(end => this.#settle(held, end), begun, this.#world.store.whenWritten)
    this.#tell(lead, { kind: 'claimed', claim, resumed }, () => this.#settle(held, { kind: 'undo' }))
    for (const seeker of this.#seekers) this.#consult(seeker, held)
  }

  /** What a claim of this process means for one who asks meanwhile. */
  #consult(seeker: Seeker, { claimed, end, trouble }: Held): void {
    const record = claimed?.record
    const answer = end?.kind === 'complete' ? end.answer : undefined
    // How it ends is for the store to say, or does not matter any more: the next look tells.
    if (record === undefined || (end !== undefined && answer === undefined)) this.#tellTrouble(seeker, trouble)
    else if (record.fingerprint !== seeker.asked.fingerprint) this.#tell(seeker, { kind: 'reused' })
    else if (answer === undefined) this.#wait(seeker, record)
    else this.#tellAnswer(answer, [seeker])
  }

  #wait(seeker: Seeker, { claimedAt }: ClaimRecord): void {
    const { room, clock } = this.#world
    if (room.has(seeker)) return
    const hasTime = seeker.asked.rules.in_flight === 'wait' && seeker.dueAt > clock.monotonic()
    const mayWait = hasTime && this.#waiting < SEATS_PER_KEY
    if (mayWait && room.enter(seeker)) this.#waiting++
    else this.#tellInFlight(seeker, clock.now() - claimedAt)
  }

  #settle(held: Held, told: ClaimEnd): void {
    if (held.end !== undefined) return
    const end =
      told.kind === 'complete' && told.answer !== undefined ? { ...told, answer: keptAnswer(told.answer) } : told
    held.end = end
    if (end.kind === 'release' && end.shared !== undefined)
      this.#tellAll({ kind: 'shared', answer: sharedAnswer(end.shared) })
    this.#work = this.#finish(held, end)
    if (end.kind === 'complete' && end.answer !== undefined && this.#seekers.size > 0)
      this.#tellAnswer(end.answer, [...this.#seekers])
  }

  /**
   * Whoever was given an answer gets it again, also after a crash: it goes out when it is written.
   * @param seekers not who comes until then: that one may ask with another payload
   */
  #tellAnswer(answer: StoredAnswer, seekers: readonly Seeker[]): void {
    this.#world.store.whenWritten(() => this.#tellAll({ kind: 'replay', answer }, seekers))
  }

  async #finish(held: Held, end: ClaimEnd): Promise<void> {
    const { store, clock, heart, troubled, onLost } = this.#world
    for (let pause = RETRY; ; pause = millis(Math.min(RETRY_MAX, pause * 2))) {
      held.trouble = await writeEnd(store, clock, this.lookup, held, end)
      if (held.trouble === undefined) break
      this.#tellAll({ kind: 'store-failed', error: held.trouble })
      if (!this.#mayRetry(held, held.trouble)) {
        onLost(held.trouble)
        break
      }
      troubled.add(this)
      await this.#pause(pause)
    }
    troubled.delete(this)
    heart.drop()
    this.#held = undefined
    // They have waited long enough.
    ;[this.#urgent] = this.#seekers
    if (this.#urgent !== undefined) await this.#serve()
    this.#restIfIdle()
  }

  #mayRetry({ leaseUntil }: Held, { trouble }: StoreError): boolean {
    const { clock, troubled } = this.#world
    const hasRoom = troubled.has(this) || troubled.size < TROUBLED_MAX
    return trouble === 'unreachable' && hasRoom && !this.#isClosed && clock.monotonic() < leaseUntil
  }

  #tellTrouble(seeker: Seeker, trouble: StoreError | undefined): void {
    if (trouble !== undefined) this.#tell(seeker, { kind: 'store-failed', error: trouble })
  }

  #tellInFlight(seeker: Seeker, age: number): void {
    this.#tell(seeker, { kind: 'in-flight', retryAfter: comeBackAfter(age) })
  }

  #tellAll(opened: Opened, seekers: Iterable<Seeker> = [...this.#seekers]): void {
    for (const seeker of seekers) if (this.#seekers.has(seeker)) this.#tell(seeker, opened)
  }

  #tell(seeker: Seeker, opened: Opened, unheard: () => void = () => undefined): void {
    this.#remove(seeker)
    seeker.tell(opened, unheard)
  }

  #remove(seeker: Seeker): void {
    this.#seekers.delete(seeker)
    if (this.#world.room.leave(seeker)) this.#waiting--
    if (this.#seekers.size === 0 && this.#isServing) this.#endPause?.()
  }

  #restIfIdle(): void {
    if (this.#seekers.size > 0 || this.#held !== undefined || this.#isServing) return
    this.#work = undefined
    this.#world.onIdle(this)
  }

  #pause(delay: Millis): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#world.clock.schedule(delay, () => this.#endPause?.())
      this.#endPause = () => {
        cancel()
        this.#endPause = undefined
        resolve()
      }
    })
  }
}
