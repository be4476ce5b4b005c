import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { readExposition, type Scrape } from '../exposition-reader.js'
import { type Home, spawnMulligan } from '../mulligan.js'
import type { Inside } from './inside.js'
import { onStandstill } from './standstill.js'

export type LogRecord = Readonly<Record<string, unknown>>

/** `mulligan start` in a process of its own, with all that can be seen of it from outside and inside. */
export type WatchedDaemon = {
  readonly pid: number
  readonly port: number
  readonly admin: string
  readonly ca: () => string
  /** The record of the exchange for a path that ends in `/ID`, past or to come; given once. */
  readonly exchange: (id: string) => Promise<LogRecord>
  /** The next record that has this message. */
  readonly next: (msg: string) => Promise<LogRecord>
  /** Lines of its output that hold the word. */
  readonly leaks: readonly string[]
  readonly inside: () => Promise<Inside>
  /** How often the machine held up the daemon or this process so far. */
  readonly standstills: () => number
  /** Open files by kind: sockets, pipes, and everything else by its path. */
  readonly files: () => Readonly<Record<string, number>>
  readonly metrics: () => Promise<{ readonly text: string; readonly scrape: Scrape }>
  /** What its admin side answers to a GET. */
  readonly told: (path: string) => Promise<string>
  readonly kill: (signal: NodeJS.Signals) => void
  /** Its exit code, or the signal that ended it. */
  readonly gone: Promise<number | string>
}

const INSIDE = new URL('inside.js', import.meta.url).href

/** @param secret what its output must not hold */
export async function startWatched(t: Test, { env, folder }: Home, secret: RegExp): Promise<WatchedDaemon> {
  const args = ['start', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--log-format', 'json']
  const child = spawnMulligan([...args, '--state', join(folder, 'state')], {
    env: { ...env, NODE_OPTIONS: `--import=${INSIDE}` },
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const gone = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  t.teardown(() => {
    child.kill('SIGKILL')
    return gone
  })
  const leaks: string[] = []
  const book = new RecordBook()
  void gone.then(code => book.end(`the daemon is gone: ${code}`))
  const listen = (stream: NodeJS.ReadableStream, take: (line: string) => void) =>
    createInterface({ input: stream }).on('line', line => {
      if (secret.test(line)) leaks.push(line)
      take(line)
    })
  listen(child.stdout as NodeJS.ReadableStream, line => book.add(JSON.parse(line) as LogRecord))
  listen(child.stderr as NodeJS.ReadableStream, line => t.comment(`the daemon says: ${line}`))
  let standstills = 0
  onStandstill(() => standstills++)
  const looks: ((told: Inside) => void)[] = []
  child.on('message', (told: Inside | 'held up') => {
    if (told === 'held up') standstills++
    else looks.shift()?.(told)
  })
  const ready = await book.next('ready')
  const pid = child.pid ?? 0
  const admin = String(ready['admin'])
  const told = async (path: string) => {
    const answer = await fetch(`${admin}${path}`, { headers: { connection: 'close' } })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`)
    return answer.text()
  }
  return {
    pid,
    port: Number(new URL(String(ready['proxy'])).port),
    admin,
    ca: () => readFileSync(join(folder, 'state', 'ca.pem'), 'utf8'),
    exchange: id => book.exchange(id),
    next: msg => book.next(msg),
    leaks,
    inside: () => {
      child.send('look')
      return new Promise(resolve => looks.push(resolve))
    },
    standstills: () => standstills,
    files: () => filesOf(pid),
    told,
    metrics: async () => {
      const text = await told('/metrics')
      return { text, scrape: readExposition(text) }
    },
    kill: signal => child.kill(signal),
    gone,
  }
}

/** Hands each record to whoever waits for it, and keeps those that nobody has asked for yet. */
class RecordBook {
  readonly #kept = new Map<string, LogRecord[]>()
  readonly #waiting = new Map<string, ((record: LogRecord) => void)[]>()
  readonly #losers = new Set<(reason: Error) => void>()
  #over: Error | undefined

  add(record: LogRecord): void {
    const msg = String(record['msg'])
    const name = msg === 'exchange' ? `/${String(record['path']).split('/').at(-1)}` : msg
    const waiter = this.#waiting.get(name)?.shift()
    if (waiter !== undefined) return waiter(record)
    this.#kept.set(name, [...(this.#kept.get(name) ?? []), record])
  }

  exchange(id: string): Promise<LogRecord> {
    return this.next(`/${id}`)
  }

  next(name: string): Promise<LogRecord> {
    const kept = this.#kept.get(name)?.shift()
    if (this.#kept.get(name)?.length === 0) this.#kept.delete(name)
    if (kept !== undefined) return Promise.resolve(kept)
    if (this.#over !== undefined) return Promise.reject(this.#over)
    return new Promise((resolve, reject) => {
      this.#losers.add(reject)
      const take = (record: LogRecord) => {
        this.#losers.delete(reject)
        resolve(record)
      }
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), take])
    })
  }

  end(why: string): void {
    this.#over = new Error(why)
    for (const lose of this.#losers) lose(this.#over)
  }
}

function filesOf(pid: number): Record<string, number> {
  const kinds: Record<string, number> = {}
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const kind = linkOf(`/proc/${pid}/fd/${fd}`)?.replace(/:\[\d+\]$/, '')
    if (kind !== undefined) kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  return kinds
}

/** Undefined for one that was closed meanwhile. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
