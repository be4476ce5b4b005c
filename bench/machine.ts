import { cpus, release, totalmem, type } from 'node:os'
import { packageVersion } from '../src/config/package-root.js'
import type { Peers } from './doors.js'
import type { Machine } from './figures.js'

/** What the figures belong to. */
export function describeMachine(peers: Peers, isPinned: boolean): Machine {
  const all = cpus()
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cpus: all.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    versions: new Map([
      ['mulligan', packageVersion()],
      ...[...peers].map(([name, { version }]) => [name, version] as const),
    ]),
    date: new Date().toISOString().slice(0, 10),
    isPinned,
  }
}
