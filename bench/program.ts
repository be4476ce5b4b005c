import type { ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../src/bench/local-server.js'
import type { Pinning } from '../src/bench/suite.js'
import { endChild, type Sandbox } from '../src/child/sandbox.js'

/** Where everything of one part of the run stands. @property isBulk bodies of a GiB pass: who holds bodies back must not */
export type Place = {
  readonly sandbox: Sandbox
  readonly pinning: Pinning
  /** Port of the upstream that reverse proxies lead to. */
  readonly upstream: number
  /** The file with the authority of an upstream that speaks TLS. */
  readonly roots: string
  readonly isBulk: boolean
}

/** What a program is started with. @property folder its own, for everything that it writes */
export type Seat = Place & { readonly folder: string; readonly port: number }

/** Something between load and upstream that can be started as often as one likes. */
export type Program = {
  readonly name: string
  readonly version: string
  /** Writes what it needs into its folder. @returns the command line */
  readonly command: (seat: Seat) => readonly string[] | Promise<readonly string[]>
  /** Takes away what it leaves outside of its folder when it had to be ended the hard way. */
  readonly tidy?: (port: number) => void
}

export type Running = {
  readonly pid: number
  readonly port: number
  readonly folder: string
  /** From its start to its first answer, in milliseconds. */
  readonly startMillis: number
  readonly stop: () => Promise<void>
}

/** How long a program may take to come up, in milliseconds: Python on a busy machine needs seconds. */
const PATIENCE = 30_000

let seats = 0

/** @param ask fails until it answers as it should @throws with what it said last, when it ends or does not come up */
export async function startProgram(
  program: Program,
  place: Place,
  ask: (port: number, folder: string) => Promise<void>,
): Promise<Running> {
  const folder = join(place.sandbox.folder, `${seats++}-${program.name.replaceAll(/\W+/g, '-')}`)
  mkdirSync(folder)
  const port = await freePort()
  const [command = '', ...args] = [...place.pinning.proxy, ...(await program.command({ ...place, folder, port }))]
  const output = join(folder, 'output')
  const file = openSync(output, 'w')
  const startedAt = performance.now()
  const child = place.sandbox.spawn(command, args, {
    cwd: folder,
    env: bareEnvironment(folder),
    stdio: ['ignore', file, file],
  })
  closeSync(file)
  const why = await comesUp(child, () => ask(port, folder))
  if (why !== undefined) {
    await endChild(child)
    program.tidy?.(port)
    throw new Error(`${program.name} does not start: ${why}\n${readFileSync(output, 'utf8').slice(-2_000)}`)
  }
  const startMillis = performance.now() - startedAt
  const stop = async () => {
    await endChild(child)
    program.tidy?.(port)
  }
  return { pid: child.pid ?? 0, port, folder, startMillis, stop }
}

/** Nothing that somebody exported decides what is measured. */
function bareEnvironment(folder: string): NodeJS.ProcessEnv {
  const { PATH, NODE_PATH } = process.env
  return { PATH, HOME: folder, ...(NODE_PATH === undefined ? {} : { NODE_PATH }) }
}

/** @returns why not */
async function comesUp(child: ChildProcess, ask: () => Promise<void>): Promise<string | undefined> {
  const dueAt = performance.now() + PATIENCE
  for (;;) {
    try {
      await ask()
      return undefined
    } catch (error) {
      if (child.exitCode !== null || child.signalCode !== null || performance.now() > dueAt) return String(error)
    }
    await sleep(1)
  }
}
