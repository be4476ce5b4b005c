import { startDaemonProcess } from '../child/daemon-process.js'
import type { Sandbox } from '../child/sandbox.js'
import { nextMessage, spawnScript } from '../child/script-process.js'
import { startNginx } from './nginx.js'
import type { Workload } from './workloads.js'

export type CandidateName = 'direct' | 'nginx' | 'http-proxy' | 'mulligan, pass-through' | 'mulligan, retry'

/** Something between load and upstream. */
export type Candidate = {
  readonly name: CandidateName
  /** Whose CPU counts; none for `direct`. */
  readonly pid: number | undefined
  readonly port: number
  /** The request-target for a workload. */
  readonly target: (workload: Workload) => string
}

/** Puts a program on one cpu, where there are several and `taskset`; else in front of nothing. */
export type Pinning = { readonly proxy: readonly string[]; readonly load: readonly string[] }

/** Both routes in one daemon: what differs is the policies, not the state of the compiler. */
const CONFIG = `version: 1
log: { level: info }
routes:
  - name: pass
    match: { host: 127.0.0.1, path: /pass/** }
    retry: off
    cooldown: off
    breaker: off
  - name: retry
    match: { host: 127.0.0.1, path: /retry/** }
`

/** Everything that can be started here, in the order of the report. @returns also the upstream's host and port */
export async function startCandidates(sandbox: Sandbox, pinning: Pinning) {
  const upstream = await startScript(sandbox, new URL('./upstream-process.js', import.meta.url), [], pinning.load)
  const origin = `http://127.0.0.1:${upstream.port}`
  const daemon = await startDaemonProcess(sandbox, CONFIG, pinning.proxy)
  const nginx = await startNginx(sandbox, upstream.port, pinning.proxy)
  const peer = await startScript(sandbox, new URL('./http-proxy-process.js', import.meta.url), [origin], pinning.proxy)
  const plain = (workload: Workload) => workload.path
  const through = (route: string) => (workload: Workload) => `${origin}/${route}${workload.path}`
  const candidates: Candidate[] = [
    { name: 'direct', pid: undefined, port: upstream.port, target: plain },
    ...(nginx ? [{ name: 'nginx', pid: nginx.pid, port: nginx.port, target: plain } as const] : []),
    { name: 'http-proxy', ...peer, target: plain },
    { name: 'mulligan, pass-through', pid: daemon.pid, port: daemon.port, target: through('pass') },
    { name: 'mulligan, retry', pid: daemon.pid, port: daemon.port, target: through('retry') },
  ]
  return { candidates, host: `127.0.0.1:${upstream.port}` }
}

/** A script that says its port when it listens. */
async function startScript(sandbox: Sandbox, script: URL, args: readonly string[], launcher: readonly string[]) {
  const child = spawnScript(sandbox, script, args, launcher)
  return { pid: child.pid ?? 0, port: Number(await nextMessage(child)) }
}
