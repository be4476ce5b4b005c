import { readdirSync, readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { request } from './client.js'
import { type ClientLane, lanesFor } from './client-lane.js'
import { readExposition, type Scrape } from './exposition-reader.js'
import { type LiveDaemon, startLive } from './live-daemon.js'
import { type Home, makeHome } from './mulligan.js'

/** `mulligan start` with several workers. */
export type LiveCrew = LiveDaemon & {
  readonly folder: string
  /** Of the workers that live now. */
  readonly workers: () => number[]
  /** What the admin side answers. */
  readonly told: (path: string) => Promise<Record<string, unknown>>
  readonly metrics: () => Promise<Scrape>
  /** Exchanges in the log so far: how many by each worker. */
  readonly shares: () => ReadonlyMap<string, number>
}

/** @param yaml with `workers` @param home whose configuration, instead of `yaml`'s */
export async function startCrew(t: Test, yaml: string, home: Home = makeHome(t, yaml)): Promise<LiveCrew> {
  const live = await startLive(t, home)
  const told = async (path: string) => {
    const { text } = await request(Number(live.admin.split(':')[1]), path)
    return JSON.parse(text) as Record<string, unknown>
  }
  return {
    ...live,
    folder: home.folder,
    workers: () => workersOf(live.pid),
    told,
    metrics: async () => readExposition((await request(Number(live.admin.split(':')[1]), '/metrics')).text),
    shares: () => {
      const shares = new Map<string, number>()
      for (const [, run = ''] of live.printed().matchAll(/"id":"([0-9a-f]+)-[^}]*?"route"/g)) {
        shares.set(run, (shares.get(run) ?? 0) + 1)
      }
      return shares
    },
  }
}

/** Exchanges in the log so far. */
export const logged = (crew: LiveCrew): number => [...crew.shares().values()].reduce((sum, n) => sum + n, 0)

/**
 * So many kept connections to each worker. Which one takes a connection is for the kernel to say, and it may well give
 * all to one: so the others stand still meanwhile. @param url what is asked for once on each
 */
export async function lanesToEach(t: Test, crew: LiveCrew, count: number, url: string): Promise<ClientLane[]> {
  const workers = crew.workers()
  const all: ClientLane[] = []
  for (const worker of workers) {
    const others = workers.filter(pid => pid !== worker)
    const lanes = lanesFor(t, crew.port, count)
    for (const pid of others) process.kill(pid, 'SIGSTOP')
    try {
      await Promise.all(lanes.map(lane => lane.ask(url)))
    } finally {
      for (const pid of others) process.kill(pid, 'SIGCONT')
    }
    all.push(...lanes)
  }
  return all
}

/** Living processes whose parent this is, and that are workers. */
export function workersOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => isWorkerOf(pid, parent))
}

function isWorkerOf(pid: number, parent: number): boolean {
  try {
    const [state, ppid] = (readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1) ?? '').split(' ')
    if (Number(ppid) !== parent || state === 'Z') return false
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('worker-main')
  } catch {
    return false
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
