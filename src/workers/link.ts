import type { Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import { type Failure, failureOf, revived } from './failure.js'

/** What one side may ask of the other: a name for each, with what it is about and what comes of it. */
type Calls = Readonly<Record<string, (about: never) => unknown>>

type About<C extends Calls, W extends keyof C> = Parameters<C[W]>[0]
type Result<C extends Calls, W extends keyof C> = Awaited<ReturnType<C[W]>>

/** How this side does what it is asked. */
export type Handlers<C extends Calls> = {
  readonly [W in keyof C]: (about: About<C, W>) => Result<C, W> | Promise<Result<C, W>>
}

type Message =
  | { readonly kind: 'ask'; readonly n: number | undefined; readonly what: string; readonly about: unknown }
  | { readonly kind: 'answer'; readonly n: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly n: number; readonly failure: Failure }

type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }

/** The process at the other end is gone, or gave no answer in time: nothing is known of what it did. */
export class LinkError extends Error {
  override readonly name = 'LinkError'
  /** It lives, as far as is known here. */
  readonly isSilent: boolean

  constructor(message: string, isSilent = false) {
    super(message)
    this.isSilent = isSilent
  }
}

/**
 * Questions and answers between two processes of ours, both ways, over the pipe that nobody else has. What is told
 * arrives in order.
 */
export class Link<Asked extends Calls, Served extends Calls> {
  readonly #send: (message: Message) => void
  readonly #handlers: Handlers<Served>
  readonly #clock: Clock
  readonly #waiting = new Map<number, Waiting>()
  #count = 0
  #broken = false

  /** @param send never throws: what cannot be sent ends with the process that it was for */
  constructor(send: (message: unknown) => void, handlers: Handlers<Served>, clock: Clock) {
    this.#send = send
    this.#handlers = handlers
    this.#clock = clock
  }

  /** @param within `undefined` waits as long as the other end lives @throws LinkError, or what it failed with */
  async ask<W extends keyof Asked & string>(
    what: W,
    about: About<Asked, W>,
    within?: Millis,
  ): Promise<Result<Asked, W>> {
    if (this.#broken) throw new LinkError('the other process is gone')
    const n = ++this.#count
    let cancel = () => {}
    try {
      return await new Promise<Result<Asked, W>>((resolve, reject) => {
        this.#waiting.set(n, { resolve: value => resolve(value as Result<Asked, W>), reject })
        if (within !== undefined) {
          cancel = this.#clock.schedule(within, () =>
            reject(new LinkError(`no answer within ${within / 1_000} s`, true)),
          )
        }
        this.#send({ kind: 'ask', n, what, about })
      })
    } finally {
      cancel()
      this.#waiting.delete(n)
    }
  }

  /** The same without an answer. */
  tell<W extends keyof Asked & string>(what: W, about: About<Asked, W>): void {
    if (!this.#broken) this.#send({ kind: 'ask', n: undefined, what, about })
  }

  /** @param received a message of the other end */
  receive(received: unknown): void {
    const message = received as Message
    switch (message.kind) {
      case 'ask':
        return void this.#serve(message.what, message.about, message.n)
      case 'answer':
        return this.#waiting.get(message.n)?.resolve(message.value)
      case 'failure':
        return this.#waiting.get(message.n)?.reject(revived(message.failure))
    }
  }

  /** The other end is gone. */
  break(): void {
    this.#broken = true
    for (const { reject } of this.#waiting.values()) reject(new LinkError('the other process is gone'))
  }

  async #serve(what: string, about: unknown, n: number | undefined): Promise<void> {
    const handle = this.#handlers[what] as ((about: unknown) => unknown) | undefined
    if (n === undefined) return void handle?.(about)
    try {
      const value = await handle?.(about)
      if (!this.#broken) this.#send({ kind: 'answer', n, value })
    } catch (error) {
      if (!this.#broken) this.#send({ kind: 'failure', n, failure: failureOf(error) })
    }
  }
}
