import type { Cancel, Clock } from '../../src/time/clock.js'
import type { Millis } from '../../src/time/units.js'

/** 2026-01-01T00:00:00Z, a round second. */
export const START = Date.UTC(2026, 0, 1)

type Task = { readonly dueAt: number; readonly order: number; readonly run: () => void }

/** A clock that moves only when told to. Wall time starts at `START`, monotonic time at 0. */
export class ManualClock implements Clock {
  #start: number
  #elapsed = 0
  #order = 0
  #tasks: Task[] = []

  constructor(start = START) {
    this.#start = start
  }

  readonly now = (): number => this.#start + this.#elapsed
  readonly monotonic = (): number => this.#elapsed
  readonly lately = this.monotonic

  readonly schedule = (delay: Millis | number, run: () => void): Cancel => {
    if (Number.isNaN(delay)) throw new RangeError('a timer needs a number')
    const task = { dueAt: this.#elapsed + Math.max(0, delay), order: this.#order++, run }
    this.#tasks.push(task)
    return () => {
      this.#tasks = this.#tasks.filter(other => other !== task)
    }
  }

  /** Timers not yet due. */
  get pending(): number {
    return this.#tasks.length
  }

  /** Moves the wall clock alone: somebody set it, or (forwards) the machine slept. */
  jump(ms: number): void {
    this.#start += ms
  }

  /** Runs what falls due within `ms`, in order of time, tasks scheduled on the way included. */
  advance(ms: number): void {
    const end = this.#elapsed + ms
    for (let task = this.#next(end); task !== undefined; task = this.#next(end)) {
      this.#elapsed = task.dueAt
      task.run()
    }
    this.#elapsed = end
  }

  /** Like `advance`, but lets promises settle after each task. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    await settle()
    for (let task = this.#next(end); task !== undefined; task = this.#next(end)) {
      this.#elapsed = task.dueAt
      task.run()
      await settle()
    }
    this.#elapsed = end
  }

  /** Takes out the earliest task due by `end`. */
  #next(end: number): Task | undefined {
    let first: Task | undefined
    for (const task of this.#tasks) {
      if (task.dueAt > end) continue
      if (first === undefined || task.dueAt < first.dueAt || (task.dueAt === first.dueAt && task.order < first.order))
        first = task
    }
    this.#tasks = this.#tasks.filter(task => task !== first)
    return first
  }
}

const settle = () => new Promise<void>(resolve => setImmediate(resolve))
