import { type Fetched, type Source, SourceError } from '../../src/credential/source.js'

type Call = {
  readonly number: number
  readonly resolve: (fetched: Fetched) => void
  readonly reject: (error: unknown) => void
  settled: boolean
}

/** A source that answers when told to, so that a test decides what happens during a call. It has no timers. */
export class TokenSource implements Source {
  readonly description = 'a source of a test'
  readonly #watchers = new Set<() => void>()
  /** Answers each call at once, when set. */
  always: (() => Fetched | Error) | undefined
  /** It goes on after its signal said to stop. */
  deaf = false
  onCall: () => void = () => undefined
  calls = 0
  /** The most calls that were under way at once. */
  most = 0
  #open: Call[] = []

  get flying(): number {
    return this.#open.length
  }

  /** The calls under way, by number, the oldest first. */
  get open(): readonly number[] {
    return this.#open.map(({ number }) => number)
  }

  get watchers(): number {
    return this.#watchers.size
  }

  readonly fetch = (signal: AbortSignal): Promise<Fetched> =>
    new Promise((resolve, reject) => {
      const call: Call = { number: ++this.calls, resolve, reject, settled: false }
      this.#open.push(call)
      this.most = Math.max(this.most, this.flying)
      if (!this.deaf) signal.addEventListener('abort', () => this.#end(call, new SourceError('stopped', false)))
      this.onCall()
      if (this.always !== undefined) this.#end(call, this.always())
    })

  readonly watch = (changed: () => void): (() => void) => {
    this.#watchers.add(changed)
    return () => this.#watchers.delete(changed)
  }

  /** Ends the oldest call under way. */
  answer(answer: Fetched | Error): void {
    const [call] = this.#open
    if (call === undefined) throw new Error('no call is under way')
    this.#end(call, answer)
  }

  change(): void {
    for (const changed of this.#watchers) changed()
  }

  #end(call: Call, answer: Fetched | Error): void {
    if (call.settled) return
    call.settled = true
    this.#open = this.#open.filter(other => other !== call)
    if (answer instanceof Error) call.reject(answer)
    else call.resolve(answer)
  }
}
