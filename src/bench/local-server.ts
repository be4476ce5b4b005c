import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sandbox } from '../child/sandbox.js'
import { nextMessage, spawnScript } from '../child/script-process.js'

/** A server of its own process on 127.0.0.1. */
export type LocalServer = { readonly pid: number; readonly port: number }

/** How long a program may take to come up, in milliseconds: Python on a busy machine needs seconds. */
const PATIENCE = 30_000

/** A script of ours, which says its port when it listens. @param launcher put in front: `['taskset', '-c', '0']` */
export async function startScript(
  sandbox: Sandbox,
  script: URL,
  args: readonly string[],
  launcher: readonly string[],
): Promise<LocalServer> {
  const child = spawnScript(sandbox, script, args, launcher)
  return { pid: child.pid ?? 0, port: Number(await nextMessage(child)) }
}

/** The first of these programs that is installed; `undefined` when none is. @param ask what it answers and ends: `-v` */
export const findProgram = (names: readonly string[], ask: string): string | undefined =>
  names.find(name => spawnSync(name, [ask]).status === 0)

/** Somebody else's program, which is told its port. @throws when it ends, or does not listen in time */
export async function startProgram(
  sandbox: Sandbox,
  program: string,
  args: (port: number) => readonly string[],
  launcher: readonly string[],
): Promise<LocalServer> {
  const port = await freePort()
  const [command = '', ...rest] = [...launcher, program, ...args(port)]
  const child = sandbox.spawn(command, rest, { stdio: 'ignore' })
  const dueAt = performance.now() + PATIENCE
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > dueAt) {
      throw new Error(`${program} is installed, but does not start`)
    }
    await sleep(20)
  }
  return { pid: child.pid ?? 0, port }
}

/** Not everybody takes port 0: one that was free a moment ago has to do. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const settle = (up: boolean) => {
      socket.destroy()
      resolve(up)
    }
    socket.on('connect', () => settle(true)).on('error', () => settle(false))
  })
}
