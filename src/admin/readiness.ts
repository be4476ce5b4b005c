import { type Store, StoreError } from '../store/store.js'
import type { Clock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import type { ReadinessAnswer } from './answers.js'
import type { Managed } from './managed.js'

/** A store that takes longer to say that there is nothing is of no use to a request. */
const ANSWER_WITHIN = seconds(1)
/** A probe that comes more often is told the same again. */
const ASKED_EVERY = seconds(1)
/** Nobody keeps anything there. */
const PROBED_KEY = 'readiness'

/** Whether the daemon can do its work: asked of what does it, and at most once a second. */
export class Readiness {
  readonly #managed: Managed
  readonly #clock: Clock
  #asked: { readonly at: number; readonly problems: Promise<readonly string[]> } | undefined

  constructor(managed: Managed, clock: Clock) {
    this.#managed = managed
    this.#clock = clock
  }

  async answer(): Promise<ReadinessAnswer> {
    const { draining } = await this.#managed.serving.load()
    const problems = [
      ...(draining ? ['it drains: it ends when what runs is done'] : []),
      ...this.#workerProblems(draining),
      ...this.#logins(),
      ...(await this.#storeProblems()),
    ]
    if (draining) return { status: 'draining', problems }
    return { status: problems.length === 0 ? 'ready' : 'not-ready', problems }
  }

  /** They end when it drains. */
  #workerProblems(draining: boolean): string[] {
    const [all, missing] = [this.#managed.workers(), this.#managed.missing()]
    return missing > 0 && !draining
      ? [`${all - missing} of ${all} workers serve: see what the log says of the others`]
      : []
  }

  #logins(): string[] {
    const statuses = this.#managed.credentials()?.statuses() ?? []
    return statuses
      .filter(({ state }) => state === 'needs_login')
      .map(
        ({ name, error }) => `credential ${name} waits for somebody to do something: ${error ?? 'see mulligan login'}`,
      )
  }

  #storeProblems(): Promise<readonly string[]> {
    const now = this.#clock.monotonic()
    if (this.#asked === undefined || now - this.#asked.at >= ASKED_EVERY) {
      const { claims, ledger } = this.#managed.stores()
      const problems = Promise.all([this.#storeProblem('claims', claims), this.#storeProblem('ledger', ledger)])
      this.#asked = { at: now, problems: problems.then(all => all.filter(problem => problem !== undefined)) }
    }
    return this.#asked.problems
  }

  async #storeProblem(name: string, store: Store | undefined): Promise<string | undefined> {
    if (store === undefined) return undefined
    let cancel = () => {}
    const late = new Promise<string>(resolve => {
      cancel = this.#clock.schedule(ANSWER_WITHIN, () => resolve(`the store of the ${name} takes longer than 1s`))
    })
    const asked = store.get(PROBED_KEY).then(
      () => undefined,
      (error: unknown) =>
        `the store of the ${name} fails: ${error instanceof StoreError ? error.message : 'it cannot be asked'}`,
    )
    const problem = await Promise.race([asked, late])
    cancel()
    return problem
  }
}
