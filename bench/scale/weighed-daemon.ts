import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type InsideReadings, memoryOf, type Weight } from '../../src/bench/soak/readings.js'
import { endChild } from '../../src/child/sandbox.js'
import type { Scene } from './scene.js'

/** A daemon that says what lives in it when garbage has been collected. */
export type WeighedDaemon = {
  readonly port: number
  /** Its state, with the authority that clients of intercepted hosts trust. */
  readonly folder: string
  readonly weigh: () => Promise<Weight>
  readonly stop: () => Promise<void>
}

const PROBE = new URL('../../src/bench/soak/probe-process.js', import.meta.url)

let seats = 0

/** @throws when it does not come up */
export async function startWeighed({ place, program }: Scene, yaml: string): Promise<WeighedDaemon> {
  const folder = join(place.sandbox.folder, `weighed-${seats++}`)
  mkdirSync(folder)
  const [config, log] = [join(folder, 'mulligan.yaml'), join(folder, 'log')]
  writeFileSync(config, yaml)
  const own = ['--config', config, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--state', folder]
  const argv = [process.execPath, '--import', PROBE.href, program, 'start', ...own]
  const [command = '', ...args] = [...place.pinning.proxy, ...argv, '--log-format', 'json', '--ready-fd', '3']
  const file = openSync(log, 'w')
  // The tests' own options are not for it.
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = place.sandbox.spawn(command, args, { env, stdio: ['ignore', file, file, 'pipe', 'pipe'] })
  closeSync(file)
  // Ends with the word that it listens, or with the process.
  for await (const _ of child.stdio[3] as Readable) break
  const proxy = /"proxy":"([^"]+)".*"msg":"ready"/.exec(readFileSync(log, 'utf8'))?.[1]
  if (proxy === undefined || child.pid === undefined) {
    await endChild(child)
    throw new Error(`the daemon does not start: ${readFileSync(log, 'utf8').slice(-2_000)}`)
  }
  const { pid } = child
  return {
    port: Number(new URL(proxy).port),
    folder,
    weigh: async () => ({ live: await liveOf(child), anonymous: memoryOf(pid).anonymous }),
    stop: () => endChild(child),
  }
}

/** Asks the probe, which says it in a line. */
async function liveOf(child: ChildProcess): Promise<number> {
  const said = once(child.stdio[4] as Readable, 'data')
  child.kill('SIGUSR2')
  const [chunk] = (await said) as [Buffer]
  return (JSON.parse(chunk.toString('latin1')) as InsideReadings).live
}
