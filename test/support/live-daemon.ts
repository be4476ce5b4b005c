import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { type Home, spawnMulligan } from './mulligan.js'

type LogRecord = Readonly<Record<string, unknown>>

/** `mulligan start` of this build, as a process of its own. */
export type LiveDaemon = {
  readonly pid: number
  readonly port: number
  /** Of its admin side, such as `127.0.0.1:41234`. */
  readonly admin: string
  /** Resolves with the first record for which `wanted` holds, past or to come. */
  readonly said: (wanted: (record: LogRecord) => boolean) => Promise<LogRecord>
  /** Like `said`, but for one that was not given before. */
  readonly next: (wanted: (record: LogRecord) => boolean) => Promise<LogRecord>
  /** Everything that it wrote, on both streams. */
  readonly printed: () => string
  readonly kill: (signal: NodeJS.Signals) => void
  /** Resolves when it has ended and all it said has been read. */
  readonly gone: Promise<unknown>
  /** SIGTERM, and the wait for its end. */
  readonly stop: () => Promise<unknown>
}

/** On ports of its own, gone when the test is over. @param admin `off` or an address, any port otherwise */
export async function startLive(t: Test, { env, folder }: Home, admin = '127.0.0.1:0'): Promise<LiveDaemon> {
  const args = ['start', '--listen', '127.0.0.1:0', '--admin', admin, '--log-format', 'json']
  const child = spawnMulligan(args, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => (printed += String(data)))
  child.stderr?.pipe(process.stderr, { end: false })
  const gone = once(child, 'close')
  t.teardown(() => {
    child.kill('SIGKILL')
    return gone
  })
  const records: LogRecord[] = []
  const waiting = new Set<(record: LogRecord) => void>()
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', line => {
    const record = JSON.parse(line) as LogRecord
    records.push(record)
    for (const look of waiting) look(record)
  })
  const said = (wanted: (record: LogRecord) => boolean): Promise<LogRecord> =>
    new Promise((resolve, reject) => {
      const past = records.find(wanted)
      if (past !== undefined) return resolve(past)
      const look = (record: LogRecord) => {
        if (!wanted(record)) return
        waiting.delete(look)
        resolve(record)
      }
      waiting.add(look)
      void gone.then(() => reject(new Error(`the daemon ended; it said ${JSON.stringify(records.at(-1))}`)))
    })
  const given = new Set<LogRecord>()
  const next = async (wanted: (record: LogRecord) => boolean): Promise<LogRecord> => {
    const record = await said(record => !given.has(record) && wanted(record))
    given.add(record)
    return record
  }
  const ready = await said(({ msg }) => msg === 'ready')
  return {
    pid: child.pid ?? 0,
    port: Number(new URL(String(ready['proxy'])).port),
    admin: String(ready['admin']).replace('http://', ''),
    said,
    next,
    printed: () => printed,
    kill: signal => child.kill(signal),
    gone,
    stop: () => {
      child.kill('SIGTERM')
      return gone
    },
  }
}
