import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { UPSTREAM_CERTIFICATE } from './intercepted.js'
import { shortDir } from './short-dir.js'
import { answer, type Script, startUpstream, type TestUpstream } from './upstream.js'

const CLI = new URL('../../src/cli.js', import.meta.url).href
/** The command line as `bin/` starts it, from this build. */
const START = `import(${JSON.stringify(CLI)}).then(async ({ main }) => process.exit(await main(process.argv.slice(1))))`

/** Begins a configuration: on a machine that stands still a daemon is late, and need not turn requests away for that. */
export const PATIENT = 'limits: { event_loop_lag: 60s }\n'

export type Ended = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** `mulligan ARGS` as a command line. */
export const mulliganCommand = (...args: string[]): string[] => [process.execPath, '-e', START, '--', ...args]

/** `mulligan ARGS` as a process of its own. */
export function spawnMulligan(args: readonly string[], options: SpawnOptions): ChildProcess {
  const [command = '', ...rest] = mulliganCommand(...args)
  return spawn(command, rest, options)
}

/** Runs it to its end. */
export async function mulligan(args: readonly string[], env: NodeJS.ProcessEnv, input = '', cwd = '/'): Promise<Ended> {
  const child = spawnMulligan(args, { env, cwd, stdio: 'pipe' })
  const output = Promise.all([child.stdout, child.stderr].map(stream => (stream ? text(stream) : '')))
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  // It may be gone before it has read anything.
  child.stdin?.on('error', () => undefined).end(input)
  const [code, signal] = await ended
  const [stdout = '', stderr = ''] = await output
  return { code, signal, stdout, stderr }
}

export type Home = {
  readonly folder: string
  /** Of a user who knows nothing but PATH, this home, and whom to trust. */
  readonly env: NodeJS.ProcessEnv
}

/** A home with nothing in it but a configuration, and a folder for temporary files of its own. */
export function makeHome(t: Test, yaml: string): Home {
  const folder = shortDir(t)
  const file = join(folder, 'mulligan.yaml')
  writeFileSync(file, yaml)
  mkdirSync(join(folder, 'tmp'))
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, TMPDIR: join(folder, 'tmp'), MULLIGAN_CONFIG: file }
  return { folder, env }
}

export type RunScene = Home & { readonly upstream: TestUpstream }

/**
 * An upstream that the parent's variables alone trust: as `api.test` it is intercepted and repeated, as `localhost` it is
 * in a tunnel that nobody looks into.
 */
export async function runScene(t: Test, script: Script = () => answer(200, 'ok')): Promise<RunScene> {
  const upstream = await startUpstream(script, { tls: UPSTREAM_CERTIFICATE })
  t.teardown(() => upstream.close())
  const api = `{ name: api, match: { host: api.test }, upstream: "https://localhost:${upstream.port}", retry: { backoff: { base: 10ms, cap: 20ms } } }`
  const home = makeHome(t, `routes:\n  - ${api}\n  - { name: all, match: { host: "*" } }\n`)
  const roots = join(home.folder, 'company.pem')
  writeFileSync(roots, UPSTREAM_CERTIFICATE.cert)
  return { ...home, upstream, env: { ...home.env, SSL_CERT_FILE: roots, NODE_EXTRA_CA_CERTS: roots } }
}
