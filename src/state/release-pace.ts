/** Steps without growth after one that met the limit: the limit is known then, and each test of it costs someone a 429. */
const HOLD_STEPS = 10

/**
 * How many requests a reopening upstream is given per step (R8): at first as many as it took before it closed, then
 * 10 % more after each step that it took whole, and only what it took after a step that met the limit again.
 * Knows no time: the gate says when a step ends.
 */
export class ReleasePace {
  #perStep: number
  #released = 0
  #succeeded = 0
  #limited = 0
  #hold = 0
  /** What the upstream is known to have taken in one go. */
  #proven = 0
  /** The pace was cut below what is proven, and is on its way back. */
  #regaining = false

  constructor(succeededBefore: number) {
    this.#perStep = Math.max(1, succeededBefore)
  }

  get perStep(): number {
    return this.#perStep
  }

  /** How many more may leave in this step. */
  get left(): number {
    return Math.max(0, this.#perStep - this.#released)
  }

  /** The limit was met in this step. */
  get isLimited(): boolean {
    return this.#limited > 0
  }

  /** How many more should leave by now. @param share of the step's spread that has passed, 0 to 1. */
  due(share: number): number {
    const soFar = Math.min(this.#perStep, Math.floor(share * this.#perStep) + 1)
    return Math.max(0, soFar - this.#released)
  }

  /** Counts up to `wanted` requests as released; says how many. */
  take(wanted: number): number {
    const taken = Math.min(wanted, this.left)
    this.#released += taken
    return taken
  }

  noteSuccess(): void {
    this.#succeeded++
  }

  noteLimited(): void {
    this.#limited++
  }

  /** A success of the time before the first step. */
  noteEarlySuccess(): void {
    this.#perStep++
  }

  /** Sets the pace of the next step, as far as this one's answers are in. */
  endStep(): void {
    if (this.#limited > 0 && this.#succeeded === 0) this.#tryAgain()
    else if (this.#limited > 0) this.#slowDown(Math.max(1, this.#released - this.#limited))
    else if (this.#released >= this.#perStep && this.#succeeded >= this.#released) this.#speedUp()
    this.#released = 0
    this.#succeeded = 0
    this.#limited = 0
  }

  /** Too early rather than too many: the proven pace gets one more chance, then half of it, and so on. */
  #tryAgain(): void {
    const halved = Math.max(1, Math.floor(this.#perStep / 2))
    this.#perStep = this.#proven > 0 ? Math.min(this.#perStep, this.#proven) : halved
    this.#proven = Math.floor(this.#proven / 2)
    this.#hold = HOLD_STEPS
  }

  /** A step may be cut short by bad timing alone; only a second one before the proven pace is back disproves it. */
  #slowDown(took: number): void {
    if (this.#perStep <= this.#proven && !this.#regaining) this.#regaining = true
    else {
      this.#proven = took
      this.#regaining = false
    }
    this.#perStep = took
    this.#hold = HOLD_STEPS
  }

  #speedUp(): void {
    if (this.#perStep < this.#proven) {
      this.#perStep = Math.ceil((this.#perStep + this.#proven) / 2)
      return
    }
    this.#proven = this.#perStep
    this.#regaining = false
    if (this.#hold > 0) this.#hold--
    else this.#perStep += growth(this.#perStep)
  }

  /**
   * The earliest possible turn of a request with `ahead` others before it, if every step from now on goes well.
   * @param next when the next step starts @param period between steps, in the unit of `next`.
   */
  turn(ahead: number, next: number, period: number): number {
    let perStep = this.#perStep
    let turn = next
    let hold = this.#hold
    for (let left = ahead; left >= perStep; turn += period) {
      left -= perStep
      if (hold-- <= 0) perStep += growth(perStep)
    }
    return turn
  }
}

const growth = (perStep: number): number => Math.max(1, Math.floor(perStep / 10))
