import { join } from 'node:path'
import { startDaemonProcess } from '../child/daemon-process.js'
import type { Sandbox } from '../child/sandbox.js'
import { startScript } from './local-server.js'
import { startMitmproxy } from './mitmproxy.js'
import type { Candidate, Pinning, Started, Suite } from './suite.js'
import { keepUpstreamCertificate } from './upstream-certificate.js'
import { TLS_WORKLOADS, type Workload } from './workloads.js'

/** A host by name is intercepted, with all default policies. */
const configuration = (roots: string): string => `version: 1
log: { level: info }
egress: { ca_file: ${JSON.stringify(roots)} }
routes:
  - name: bench
    match: { host: 127.0.0.1 }
`

const PAIR = { kind: 'times', candidate: 'mulligan, intercepted', peer: 'mitmproxy' } as const

/** HTTPS that a proxy opens: what the interception costs. */
export const TLS_SUITE: Suite = {
  workloads: TLS_WORKLOADS,
  peers: ['mitmproxy'],
  bounds: [
    { ...PAIR, workload: 'GET 1 KiB', what: 'kept-alive GET, times mitmproxy', most: 0.2 },
    { ...PAIR, workload: 'new connection', what: 'new connection, times mitmproxy', most: 0.333 },
  ],
  notes: [
    'new connection: CONNECT, a full TLS handshake (the load resumes no session) and one GET 1 KiB, 8 at a time',
    'mitmproxy dials the upstream anew for each of them; mulligan takes a connection that it kept',
    'both sides new: the upstream closes every connection, so that mulligan dials anew as well',
    'mitmproxy writes no log here; mulligan writes its record of every request',
  ],
  start: startTls,
}

async function startTls(sandbox: Sandbox, pinning: Pinning): Promise<Started> {
  const { roots, certificate, key } = await keepUpstreamCertificate(sandbox.folder, '127.0.0.1')
  const script = new URL('./upstream-process.js', import.meta.url)
  const upstream = await startScript(sandbox, script, [certificate, key], pinning.load)
  const host = `127.0.0.1:${upstream.port}`
  const daemon = await startDaemonProcess(sandbox, configuration(roots), pinning.proxy)
  const mitmproxy = await startMitmproxy(sandbox, roots, pinning.proxy)
  const target = (workload: Workload) => workload.path
  const behind = (file: string) => ({ tls: { roots: file, tunnel: host }, target })
  const candidates: Candidate[] = [
    { name: 'direct (TLS)', pid: undefined, port: upstream.port, tls: { roots, tunnel: undefined }, target },
    ...(mitmproxy ? [{ name: 'mitmproxy', ...mitmproxy, ...behind(mitmproxy.ca) } as const] : []),
    {
      name: 'mulligan, intercepted',
      pid: daemon.pid,
      port: daemon.port,
      // Its state directory is the sandbox.
      ...behind(join(sandbox.folder, 'ca.pem')),
    },
  ]
  return { candidates, host }
}
