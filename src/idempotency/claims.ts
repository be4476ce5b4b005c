import { Heartbeat } from '../store/heartbeat.js'
import type { Store, StoreError } from '../store/store.js'
import type { Cancel, Clock } from '../time/clock.js'
import { Watch } from '../time/watch.js'
import type { Asked, Opened } from './asked.js'
import { type ClaimView, listClaims, type Resolution, resolveClaim } from './claim-list.js'
import { Lane, type World } from './lane.js'
import { WaitingRoom } from './seeker.js'

/**
 * Who may send a keyed request (I4 to I12): of all who ask for one operation, in all processes that share the store, one
 * at a time holds the claim. Costs one update of the store to open and one to end; has no timer while nothing is open.
 */
export class Claims {
  readonly #store: Store
  readonly #clock: Clock
  readonly #heart: Heartbeat
  readonly #lanes = new Map<string, Lane>()
  readonly #world: World

  /**
   * @param instance the name of this process among those that share the store, never used before
   * @param onLost told when the end of a claim could not be written: it becomes uncertain
   */
  constructor(store: Store, clock: Clock, instance: string, onLost: (error: StoreError) => void = () => undefined) {
    this.#store = store
    this.#clock = clock
    this.#heart = new Heartbeat(store, clock, instance, () => this.#checkLeases())
    this.#world = {
      store,
      clock,
      heart: this.#heart,
      room: new WaitingRoom(new Watch(clock)),
      troubled: new Set(),
      onLost,
      // It may say so twice, and there may be another one by then: two would not know of each other's claims.
      onIdle: lane => {
        if (this.#lanes.get(lane.lookup) === lane) this.#lanes.delete(lane.lookup)
      },
    }
  }

  /**
   * `done` is told once, after this has returned, and never after the cancel; a claim that comes too late for its asker
   * is undone. Waits for an answer that is on its way at most 30 s, and never beyond `asked.dueAt` (I6).
   */
  open(asked: Asked, done: (opened: Opened) => void): Cancel {
    let lane = this.#lanes.get(asked.lookup)
    if (lane === undefined) {
      lane = new Lane(asked.lookup, this.#world)
      this.#lanes.set(asked.lookup, lane)
    }
    return lane.open(asked, done)
  }

  /** Everything that is kept, for `mulligan idem list`. */
  list(): AsyncIterable<ClaimView> {
    return listClaims(this.#store, this.#clock.now())
  }

  /** What the operator found out about an uncertain claim (I12). @param ref as in its view */
  resolve(ref: string, found: 'executed' | 'not-executed'): Promise<Resolution> {
    return resolveClaim(this.#store, this.#clock.now(), ref, found)
  }

  /** Who waits is told that the store fails; open claims stay, and become uncertain. The store may be closed then. */
  async close(): Promise<void> {
    this.#heart.stop()
    await Promise.all([...this.#lanes.values()].map(lane => lane.close()))
    this.#heart.stop()
  }

  #checkLeases(): void {
    for (const lane of [...this.#lanes.values()]) lane.checkLease()
  }
}
