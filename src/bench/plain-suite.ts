import { startDaemonProcess } from '../child/daemon-process.js'
import type { Sandbox } from '../child/sandbox.js'
import { startScript } from './local-server.js'
import { startNginx } from './nginx.js'
import { PASS_AND_RETRY } from './pass-and-retry.js'
import type { Candidate, Pinning, Started, Suite } from './suite.js'
import { PLAIN_WORKLOADS, type Workload } from './workloads.js'

/** Both routes in one daemon: what differs is the policies, not the state of the compiler. */
const CONFIG = `version: 1
log: { level: info }
routes:
${PASS_AND_RETRY}
`

const SMALL = { kind: 'times', workload: 'GET 1 KiB', candidate: 'mulligan, retry' } as const

/** HTTP in the clear: a route with policies, next to one without and to reverse proxies. */
export const PLAIN_SUITE: Suite = {
  workloads: PLAIN_WORKLOADS,
  peers: ['nginx', 'http-proxy'],
  bounds: [
    { ...SMALL, what: 'retry route, times nginx', peer: 'nginx', most: 4 },
    { ...SMALL, what: 'retry route, times http-proxy', peer: 'http-proxy', most: 0.5 },
    { ...SMALL, what: 'retry route, times pass-through', peer: 'mulligan, pass-through', most: 1.05 },
  ],
  notes: ['nginx writes no access log; mulligan writes its record of every request'],
  start: startPlain,
}

async function startPlain(sandbox: Sandbox, pinning: Pinning): Promise<Started> {
  const upstream = await startScript(sandbox, new URL('./upstream-process.js', import.meta.url), [], pinning.load)
  const origin = `http://127.0.0.1:${upstream.port}`
  const daemon = await startDaemonProcess(sandbox, CONFIG, pinning.proxy)
  const nginx = await startNginx(sandbox, upstream.port, pinning.proxy)
  const peer = await startScript(sandbox, new URL('./http-proxy-process.js', import.meta.url), [origin], pinning.proxy)
  const plain = (workload: Workload) => workload.path
  const through = (route: string) => (workload: Workload) => `${origin}/${route}${workload.path}`
  const candidates: Candidate[] = [
    { name: 'direct', pid: undefined, port: upstream.port, target: plain },
    ...(nginx ? [{ name: 'nginx', ...nginx, target: plain } as const] : []),
    { name: 'http-proxy', ...peer, target: plain },
    { name: 'mulligan, pass-through', pid: daemon.pid, port: daemon.port, target: through('pass') },
    { name: 'mulligan, retry', pid: daemon.pid, port: daemon.port, target: through('retry') },
  ]
  return { candidates, host: `127.0.0.1:${upstream.port}` }
}
