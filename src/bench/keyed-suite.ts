import { startDaemonProcess } from '../child/daemon-process.js'
import type { Sandbox } from '../child/sandbox.js'
import { startScript } from './local-server.js'
import { PASS_AND_RETRY } from './pass-and-retry.js'
import type { Candidate, Pinning, Started, Suite } from './suite.js'
import { KEYED_WORKLOADS, type Workload } from './workloads.js'

/** One daemon with its store on disk; what differs is what a route does with keys. */
const CONFIG = `version: 1
log: { level: info }
store: embedded
routes:
${PASS_AND_RETRY}
  - name: mint
    match: { host: 127.0.0.1, path: /mint/** }
    idempotency: { inject: uuid4, upstream: replay }
  - name: replay
    match: { host: 127.0.0.1, path: /replay/** }
    idempotency: { replay: { rate: { per_second: 100000, burst: 1000000 } } }
`

const ONE = { kind: 'more', workload: 'POST 1 KiB, one at a time', peer: 'mulligan, retry' } as const

/** What idempotency keys cost, next to the same daemon's routes without them. */
export const KEYED_SUITE: Suite = {
  workloads: KEYED_WORKLOADS,
  peers: ['mulligan, retry'],
  bounds: [
    { ...ONE, what: 'minted key, ms more than without', candidate: 'mulligan, minted key', most: 0.3 },
    { ...ONE, what: 'new key, ms more than without', candidate: 'mulligan, new key', most: 0.3 },
  ],
  notes: [
    'new key: every request claims a key of its own in the store on disk, and its answer is kept',
    'known key: every request is answered from the store; its upstream is not asked',
    'pass-through and retry: routes without keys, in the same daemon; their requests carry a key all the same',
  ],
  start: startKeyed,
}

async function startKeyed(sandbox: Sandbox, pinning: Pinning): Promise<Started> {
  const upstream = await startScript(sandbox, new URL('./upstream-process.js', import.meta.url), [], pinning.load)
  const origin = `http://127.0.0.1:${upstream.port}`
  const { pid, port } = await startDaemonProcess(sandbox, CONFIG, pinning.proxy)
  const through = (route: string) => ({
    pid,
    port,
    target: (workload: Workload) => `${origin}/${route}${workload.path}`,
  })
  const candidates: Candidate[] = [
    {
      name: 'direct',
      pid: undefined,
      port: upstream.port,
      target: ({ path }) => path,
    },
    { name: 'mulligan, pass-through', key: 'new', ...through('pass') },
    { name: 'mulligan, retry', key: 'new', ...through('retry') },
    { name: 'mulligan, minted key', ...through('mint') },
    { name: 'mulligan, new key', key: 'new', ...through('replay') },
    { name: 'mulligan, known key', key: 'same', ...through('replay') },
  ]
  return { candidates, host: `127.0.0.1:${upstream.port}` }
}
