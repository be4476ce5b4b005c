import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Sandbox } from '../../child/sandbox.js'
import { packageRoot } from '../../config/package-root.js'
import { descriptorsOf, type InsideReadings, memoryOf, type Readings, type Weight } from './readings.js'
import { SecretScan } from './secret-scan.js'

/** A daemon of its own process, whose output is read as it comes: the log of a long run fills a disk. */
export type WatchedDaemon = {
  readonly pid: number
  readonly port: number
  /** With garbage collected: it stands still for it. */
  readonly read: () => Promise<Readings>
  /** As `read`, without what takes long with many descriptors. */
  readonly weigh: () => Promise<Weight>
  /** Secrets in what it wrote. */
  readonly leaks: () => number
  /** Records of bugs, and what else it complained about, by its words. */
  readonly complaints: () => Readonly<Record<string, number>>
  /** SIGTERM, and the exit code that it ends with; `undefined` after `patience` milliseconds, or when it was dead. */
  readonly end: (patience: number) => Promise<number | undefined>
}

/** @param secrets must never be in its output @throws when it does not come up */
export async function startWatchedDaemon(
  sandbox: Sandbox,
  yaml: string,
  env: NodeJS.ProcessEnv,
  secrets: readonly string[],
): Promise<WatchedDaemon> {
  const child = spawnDaemon(sandbox, yaml, env)
  const scan = new SecretScan(secrets)
  const output = new Output()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      scan.feed(chunk)
      output.feed(chunk)
    })
  }
  const ready = await Promise.race([output.ready, once(child, 'exit').then(() => undefined)])
  if (ready === undefined || child.pid === undefined) throw new Error(`the daemon did not start: ${output.early}`)
  const { pid } = child
  const inside = insideOf(child)
  return {
    pid,
    port: Number(new URL(ready).port),
    read: async () => ({ ...(await inside()), descriptors: descriptorsOf(pid), memory: memoryOf(pid) }),
    weigh: async () => ({ live: (await inside()).live, anonymous: memoryOf(pid).anonymous }),
    leaks: () => scan.found,
    complaints: () => output.complaints,
    end: patience => endOf(child, patience),
  }
}

function spawnDaemon(sandbox: Sandbox, yaml: string, env: NodeJS.ProcessEnv): ChildProcess {
  const configFile = join(sandbox.folder, 'mulligan.yaml')
  writeFileSync(configFile, yaml)
  const bin = fileURLToPath(new URL('bin/mulligan.js', packageRoot()))
  const flags = ['--config', configFile, '--listen', '127.0.0.1:0', '--admin', 'off', '--state', sandbox.folder]
  const probe = new URL('./probe-process.js', import.meta.url)
  const argv = ['--import', probe.href, bin, 'start', ...flags, '--log-format', 'json']
  return sandbox.spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'pipe'], env })
}

/** Asks its probe; it answers one question after the other. */
function insideOf(child: ChildProcess): () => Promise<InsideReadings> {
  const stream = child.stdio[4] as Readable
  let text = ''
  let waiting:
    | { readonly resolve: (readings: InsideReadings) => void; readonly reject: (error: Error) => void }
    | undefined
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    if (!text.endsWith('\n')) return
    waiting?.resolve(JSON.parse(text) as InsideReadings)
    text = ''
  })
  child.once('exit', () => waiting?.reject(new Error('the daemon died')))
  return () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject }
      if (!child.kill('SIGUSR2')) reject(new Error('the daemon died'))
    })
}

async function endOf(child: ChildProcess, patience: number): Promise<number | undefined> {
  if (child.exitCode !== null || child.signalCode !== null) return undefined
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), patience)
  const [code] = (await gone) as [number | null]
  clearTimeout(timer)
  return code ?? undefined
}

/** Reads records as far as somebody asks for them: there are millions. */
class Output {
  readonly complaints: Record<string, number> = {}
  readonly ready: Promise<string>
  /** What it wrote before it was ready. */
  early = ''
  #onReady: (url: string) => void = () => undefined
  #isReady = false
  #partial = ''

  constructor() {
    this.ready = new Promise(resolve => {
      this.#onReady = resolve
    })
  }

  feed(chunk: Buffer): void {
    const text = this.#partial + chunk.toString('latin1')
    const end = text.lastIndexOf('\n') + 1
    this.#partial = text.slice(end)
    const lines = text.slice(0, end)
    if (!this.#isReady) this.#start(lines)
    // pino's levels: 40 warns, 50 is an error, 60 a bug.
    for (const [line] of lines.matchAll(/^\{"level":[456]0\b.*$/gm)) this.#complain(line)
  }

  #start(lines: string): void {
    this.early += lines
    const proxy = /"proxy":"([^"]+)".*"msg":"ready"/.exec(lines)?.[1]
    if (proxy === undefined) return
    this.#isReady = true
    this.#onReady(proxy)
  }

  #complain(line: string): void {
    const { level, msg } = JSON.parse(line) as { readonly level: number; readonly msg: string }
    const what = `${level >= 60 ? 'bug' : level >= 50 ? 'error' : 'warning'}: ${msg}`
    this.complaints[what] = (this.complaints[what] ?? 0) + 1
  }
}
