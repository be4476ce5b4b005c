import cluster, { type Worker } from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../time/clock.js'
import { type Handlers, Link } from './link.js'
import type { Addresses, Order, PrimaryCalls, WorkerCalls } from './protocol.js'
import { WholeLines } from './whole-lines.js'

/** How a process ended. @property why we ended it */
export type End = { readonly code: number | null; readonly signal: string | null; readonly why?: string | undefined }

/** So many messages wait for one that does not read: it hangs, and our memory is not its to fill. */
const UNREAD_MAX = 20_000

export type MemberWorld = {
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  readonly handlers: Omit<Handlers<PrimaryCalls>, 'hello'>
  /** Told whole lines of its log. */
  readonly onOutput: (lines: string) => void
}

/** One worker, from its fork to its end. */
export class CrewMember {
  readonly startedAt: number
  readonly link: Link<WorkerCalls, PrimaryCalls>
  /** Resolves when its process has ended: everything of it that ran is cut off. */
  readonly ended: Promise<End>
  /** Resolves when its process has ended and all that it said was read. */
  readonly closed: Promise<unknown>
  /** Of the configuration that it is under. */
  version = 0
  readonly #worker: Worker
  readonly #hello: Promise<unknown>
  #unread = 0
  #why: string | undefined

  constructor({ env, clock, handlers, onOutput }: MemberWorld) {
    setUp()
    this.startedAt = clock.monotonic()
    this.#worker = cluster.fork(env)
    const child = this.#worker.process
    // Its end is told by `exit`; what cannot be sent is lost with it.
    this.#worker.on('error', () => undefined)
    let greet = () => {}
    this.#hello = new Promise<void>(resolve => {
      greet = resolve
    })
    this.link = new Link<WorkerCalls, PrimaryCalls>(
      message => this.#send(message),
      { ...handlers, hello: () => greet() },
      clock,
    )
    this.#worker.on('message', message => this.link.receive(message))
    this.ended = new Promise(resolve => {
      child.once('exit', (code, signal) => resolve({ code, signal, why: this.#why }))
      child.on('error', error => {
        // It never was; one that is ends by its exit alone.
        if (child.pid === undefined) resolve({ code: null, signal: null, why: error.message })
        else this.kill(error.message)
      })
    })
    // Not `close` of the process: it does not come once we have disconnected.
    const { stdout } = child
    this.closed = Promise.all([this.ended, stdout && new Promise(resolve => stdout.once('close', resolve))])
    void this.ended.then(() => this.link.break())
    const lines = new WholeLines()
    child.stdout?.on('data', (bytes: Buffer) => {
      const whole = lines.push(bytes)
      if (whole !== undefined) onOutput(whole)
    })
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0
  }

  /** @param order asked when it is there: what is in force may change while it loads @throws what the engine does, LinkError */
  async start(order: () => Order): Promise<Addresses> {
    await Promise.race([this.#hello, this.ended])
    return this.link.ask('start', order())
  }

  /** @param why for the log */
  kill(why?: string): void {
    this.#why ??= why
    this.#worker.process.kill('SIGKILL')
  }

  /** It ends by itself when nothing of it runs any more. */
  release(): void {
    if (this.#worker.process.connected) this.#worker.process.disconnect()
  }

  #send(message: unknown): void {
    if (this.#unread >= UNREAD_MAX) return this.kill('it does not read what it is told')
    this.#unread++
    this.#worker.process.send(message as object, () => this.#unread--)
  }
}

/**
 * The kernel hands connections out: a primary that did would hold those it has handed to a worker that then dies, and
 * their clients would wait for ever. The log comes through a pipe: several writers of one file mix their lines.
 */
function setUp(): void {
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./worker-main.js', import.meta.url)),
    args: [],
    execArgv: withoutScript(process.execArgv),
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
}

/** Node's own options, without a program that came by `-e`. */
function withoutScript(options: readonly string[]): string[] {
  const at = options.findIndex(option => /^(?:-e|-p|-pe|--eval|--print)$/.test(option))
  return at < 0 ? [...options] : options.toSpliced(at, 2)
}
