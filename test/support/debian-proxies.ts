import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readRequests, type StrictRequest } from './strict-request.js'
import { freePort } from './tunnel.js'

export const DEBIAN_PROXIES = ['nginx', 'haproxy'] as const
export type DebianProxy = (typeof DEBIAN_PROXIES)[number]

/** Its version as `1.22.1`; `undefined` where it is not installed. */
export function versionOf(proxy: DebianProxy): string | undefined {
  const { status, stdout, stderr } = spawnSync(proxy, ['-v'], { encoding: 'utf8' })
  return status === 0 ? /(\d+\.\d+\.\d+)/.exec(stdout + stderr)?.[1] : undefined
}

/** What one proxy made of a client's bytes. */
export type Made = {
  /** What reached the upstream. */
  readonly requests: readonly StrictRequest[]
  /** Statuses of the answers, whoever made them. */
  readonly statuses: readonly string[]
}

/** One of them in front of an upstream that answers every request with 200. */
export type RunningProxy = {
  /** @param bytes latin1; the client sends nothing behind them */
  readonly send: (bytes: string) => Promise<Made>
  readonly authority: string
  readonly close: () => Promise<void>
}

/** Stands for what reached the upstream and is no request. */
const MALFORMED: StrictRequest = { method: '', target: '', fields: [], body: '', trailers: [], whole: false, end: 0 }

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

/** Limits as wide as ours, so that what is compared is how bytes are read. All else is as it comes. */
const CONFIGS: Readonly<Record<DebianProxy, (port: number, upstream: string, folder: string) => string>> = {
  nginx: (port, upstream, folder) => `
daemon off; master_process off; pid ${folder}/pid; error_log /dev/null;
events { worker_connections 64; }
http {
  access_log off; large_client_header_buffers 16 68k;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://${upstream}; proxy_http_version 1.1; proxy_ignore_client_abort on; proxy_read_timeout 2s; }
  }
}
`,
  haproxy: (port, upstream) => `
global
  tune.bufsize 131072
  tune.http.maxhdr 512
defaults
  mode http
  timeout client 2s
  timeout server 2s
  timeout connect 2s
  timeout http-request 2s
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server up ${upstream}
`,
}

export async function startDebianProxy(proxy: DebianProxy): Promise<RunningProxy> {
  const upstream = await startUpstream()
  const folder = mkdtempSync(join(tmpdir(), 'mg-peer-'))
  const port = await freePort()
  const file = join(folder, 'conf')
  writeFileSync(file, CONFIGS[proxy](port, upstream.authority, folder))
  const args = proxy === 'nginx' ? ['-p', folder, '-e', '/dev/null', '-c', file] : ['-q', '-db', '-f', file]
  const child = spawn(proxy, args, { stdio: 'ignore' })
  const gone = once(child, 'exit')
  await listens(child, port)
  return {
    authority: upstream.authority,
    send: async bytes => {
      upstream.seen.length = 0
      const received = await exchange(port, bytes)
      return {
        requests: [...upstream.seen],
        statuses: [...received.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status = '']) => status),
      }
    },
    close: async () => {
      child.kill('SIGKILL')
      await gone
      upstream.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startUpstream() {
  const seen: StrictRequest[] = []
  const server = createServer({ allowHalfOpen: true }, socket => {
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      const { requests, flaw } = readRequests(text, { request: true })
      const whole = requests.filter(request => request.whole)
      seen.push(...whole)
      text = text.slice(whole.at(-1)?.end ?? 0)
      const isMalformed = flaw !== undefined && !flaw.startsWith('the bytes end')
      if (isMalformed) seen.push({ ...MALFORMED, target: flaw })
      if (whole.length > 0 || isMalformed) socket.end(ANSWER)
    })
    socket.on('end', () => socket.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { authority: `127.0.0.1:${port}`, seen, close: () => server.close() }
}

async function listens(child: ChildProcess, port: number): Promise<void> {
  while (child.exitCode === null) {
    const isThere = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (isThere) return
    await new Promise(resolve => setImmediate(resolve))
  }
  throw new Error(`${child.spawnfile} ended with ${child.exitCode} before it listened`)
}

/** All that comes back: the client says that it has no more, so every proxy ends in its own time. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    let received = ''
    socket.on('data', chunk => (received += chunk.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('end', () => socket.destroy())
    socket.on('close', () => resolve(received))
    socket.end(bytes, 'latin1')
  })
}
