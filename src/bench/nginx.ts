import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Sandbox } from '../child/sandbox.js'
import { findProgram, type LocalServer, startProgram } from './local-server.js'

/** The yardstick. `undefined` where there is no nginx. */
export async function startNginx(
  sandbox: Sandbox,
  upstreamPort: number,
  launcher: readonly string[],
): Promise<LocalServer | undefined> {
  const program = findProgram(['nginx', '/usr/sbin/nginx'], '-v')
  if (program === undefined) return undefined
  const prefix = join(sandbox.folder, 'nginx')
  mkdirSync(prefix)
  const args = (port: number) => {
    writeFileSync(join(prefix, 'nginx.conf'), nginxConfiguration(port, upstreamPort))
    return nginxArguments(prefix)
  }
  return startProgram(sandbox, program, args, launcher)
}

/** @param prefix the folder with `nginx.conf` */
export const nginxArguments = (prefix: string): string[] => ['-p', prefix, '-c', 'nginx.conf', '-e', 'error.log']

/** One process, no access log, everything kept alive, nothing on disk: at its fastest. @param more for every location */
export const nginxConfiguration = (port: number, upstreamPort: number, more = ''): string => `daemon off;
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
      ${more}
    }
  }
}
`
