import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import type { StoreSettings } from '../../src/config/config.js'
import { shortDir } from './short-dir.js'
import { freePort } from './tunnel.js'

export type RedisServer = {
  readonly settings: Extract<StoreSettings, { kind: 'redis' }>
  readonly port: number
  /** Where it writes every command that changes something, and never forgets one. */
  readonly dir: string
  /** Ends it, as `kill -9` does. */
  readonly kill: () => Promise<void>
  /** It answers nobody, and goes on when thawed. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** On the same port, with what it has written (append-only file, written before every answer). */
  readonly start: () => Promise<void>
}

/** Whether the program is here; a test without it says so. */
export function hasRedis(t: Test): boolean {
  const found = spawnSync('redis-server', ['--version']).status === 0
  if (!found) t.comment('redis-server is not installed: the Redis store was not tried')
  return found
}

/** A real server of its own on a free port. @param options more of its command line */
export async function startRedis(t: Test, options: readonly string[] = []): Promise<RedisServer> {
  const dir = shortDir(t)
  const port = await freePort()
  const own = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    dir,
    '--save',
    '',
    '--appendonly',
    'yes',
    // Written before each answer all the same: only a machine that dies could lose it, and a disk may take seconds.
    '--appendfsync',
    'no',
    '--auto-aof-rewrite-percentage',
    '0',
  ]
  let child: ChildProcess | undefined
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  const start = async () => {
    const server = spawn('redis-server', [...own, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
    child = server
    for await (const chunk of server.stdout) if (/Ready to accept connections/.test(String(chunk))) break
  }
  t.teardown(kill)
  await start()
  const login = { username: undefined, password: undefined }
  return {
    settings: { kind: 'redis', tls: false, host: '127.0.0.1', port, db: 0, prefix: 'test:', ...login },
    port,
    dir,
    kill,
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    start,
  }
}
