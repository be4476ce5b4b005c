import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sandbox } from '../child/sandbox.js'

/** How long it may take to come up, in milliseconds. */
const PATIENCE = 5_000

/** The yardstick. `undefined` where there is no nginx. @returns its process and port */
export async function startNginx(sandbox: Sandbox, upstreamPort: number, launcher: readonly string[]) {
  const program = ['nginx', '/usr/sbin/nginx'].find(name => spawnSync(name, ['-v']).status === 0)
  if (program === undefined) return undefined
  const port = await freePort()
  const prefix = join(sandbox.folder, 'nginx')
  mkdirSync(prefix)
  writeFileSync(join(prefix, 'nginx.conf'), configuration(port, upstreamPort))
  const [command = '', ...args] = [...launcher, program, '-p', prefix, '-c', 'nginx.conf', '-e', 'error.log']
  const child = sandbox.spawn(command, args, { stdio: 'ignore' })
  const dueAt = performance.now() + PATIENCE
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > dueAt) throw new Error('nginx is installed, but does not start')
    await sleep(20)
  }
  return { pid: child.pid ?? 0, port }
}

/** One process, no access log, everything kept alive, nothing on disk: at its fastest. */
const configuration = (port: number, upstreamPort: number): string => `daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  client_body_buffer_size 64k;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  upstream bench {
    server 127.0.0.1:${upstreamPort};
    keepalive 1024;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffers 16 16k;
      proxy_max_temp_file_size 0;
    }
  }
}
`

/** nginx takes no port 0: one that was free a moment ago has to do. */
async function freePort(): Promise<number> {
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
