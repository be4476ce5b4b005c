import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mitmproxyArguments } from '../src/bench/mitmproxy.js'
import { nginxArguments, nginxConfiguration } from '../src/bench/nginx.js'
import type { Program, Seat } from './program.js'

/** Peers as Debian has them, each at its fastest: one process, kept connections, no access log, nothing cached. */
const DEBIAN = [
  { name: 'nginx', ask: ['nginx', '-v'], command: nginx },
  { name: 'haproxy', ask: ['haproxy', '-v'], command: haproxy },
  { name: 'squid', ask: ['squid', '-v'], command: squid, tidy: forgetSquid },
  { name: 'tinyproxy', ask: ['tinyproxy', '-v'], command: tinyproxy },
  { name: 'caddy', ask: ['caddy', 'version'], command: caddy },
  { name: 'mitmproxy', ask: ['mitmdump', '--version'], command: mitmproxy },
] as const satisfies readonly (Omit<Program, 'version'> & { readonly ask: readonly string[] })[]

export const DEBIAN_NAMES = DEBIAN.map(({ name }) => name)

/** `undefined` where it is not installed. */
export function debianProgram(name: string): Program | undefined {
  const found = DEBIAN.find(one => one.name === name)
  if (found === undefined) return undefined
  const [program = '', ...args] = found.ask
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) return undefined
  return {
    name,
    version: /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0] ?? '',
    command: found.command,
    ...('tidy' in found ? { tidy: found.tidy } : {}),
  }
}

/** Where Debian's squid with OpenSSL has the program that makes its certificates. */
const CERTIFICATE_MAKER = '/usr/lib/squid/security_file_certgen'

/** Squid that opens HTTPS, for which it must be built with OpenSSL: Debian's `squid-openssl`. */
export function squidBump(): Program | undefined {
  const plain = debianProgram('squid')
  if (plain === undefined || !existsSync(CERTIFICATE_MAKER)) return undefined
  return { ...plain, name: 'squid, intercepting', command: bumpingSquid }
}

export const squidAuthority = (folder: string): string => join(folder, 'ca.pem')

function nginx({ folder, port, upstream, isBulk }: Seat): string[] {
  const streaming = 'proxy_request_buffering off; client_max_body_size 0;'
  writeFileSync(join(folder, 'nginx.conf'), nginxConfiguration(port, upstream, isBulk ? streaming : ''))
  return ['nginx', ...nginxArguments(folder)]
}

/** With what it has that comes nearest to a retry. */
function haproxy({ folder, port, upstream }: Seat): string[] {
  return [
    'haproxy',
    '-q',
    '-db',
    '-f',
    keep(
      folder,
      `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 1h
  timeout server 1h
  timeout connect 10s
  http-reuse always
  retries 3
  retry-on all-retryable-errors
  option http-buffer-request
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server up 127.0.0.1:${upstream}
`,
    ),
  ]
}

const squidLines = (folder: string, listen: string): string[] => [
  listen,
  `coredump_dir ${folder}`,
  'http_access allow all',
  'cache deny all',
  'access_log none',
  'cache_log /dev/null',
  'cache_store_log none',
  'netdb_filename none',
  'pid_filename none',
  'shutdown_lifetime 0 seconds',
  'visible_hostname bench.test',
]

function squid(seat: Seat): string[] {
  return squidWith(seat, squidLines(seat.folder, `http_port 127.0.0.1:${seat.port}`))
}

/** Started by root it becomes a user of its own, who must come to its folder. */
function squidWith({ sandbox, folder, port }: Seat, lines: readonly string[]): string[] {
  const file = keep(folder, lines.join('\n'))
  if (process.getuid?.() === 0) {
    chmodSync(sandbox.folder, 0o711)
    run('chown', ['-R', 'proxy', folder])
  }
  // Its name is that of the memory it shares, which others of its kind share too.
  return ['squid', '-N', '-n', squidName(port), '-d', '1', '-f', file]
}

const squidName = (port: number): string => `bench${port}`

/** Memory that it shares with nobody here, and takes away itself when it has the time. */
function forgetSquid(port: number): void {
  for (const part of ['metadata', 'queues', 'readers']) {
    rmSync(`/dev/shm/${squidName(port)}-cf__${part}.shm`, { force: true })
  }
}

function bumpingSquid(seat: Seat): string[] {
  const { folder, port, roots } = seat
  const [key, ca, store] = [join(folder, 'ca.key'), squidAuthority(folder), join(folder, 'certificates')]
  // As its manual says: an authority on RSA, and certificates that take after the upstream's.
  const subject = ['-subj', '/CN=bench squid', '-days', '2', '-addext', 'basicConstraints=critical,CA:TRUE']
  run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', ca, ...subject])
  run(CERTIFICATE_MAKER, ['-c', '-s', store, '-M', '4MB'])
  const bump = `ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB tls-cert=${ca} tls-key=${key}`
  const lines = [
    ...squidLines(folder, `http_port 127.0.0.1:${port} ${bump}`),
    `sslcrtd_program ${CERTIFICATE_MAKER} -s ${store} -M 4MB`,
    'sslcrtd_children 1',
    `tls_outgoing_options cafile=${roots}`,
    'ssl_bump stare all',
    'ssl_bump bump all',
  ]
  return squidWith(seat, lines)
}

function tinyproxy({ folder, port }: Seat): string[] {
  const lines = [`Port ${port}`, 'Listen 127.0.0.1', 'Timeout 600', 'MaxClients 2000', 'LogLevel Critical']
  return ['tinyproxy', '-d', '-c', keep(folder, lines.join('\n'))]
}

function caddy({ folder, port, upstream }: Seat): string[] {
  const file = keep(
    folder,
    `
{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${upstream} {
    lb_retries 3
    transport http {
      keepalive_idle_conns_per_host 1024
    }
  }
}
`,
  )
  return ['caddy', 'run', '--config', file, '--adapter', 'caddyfile']
}

function mitmproxy({ folder, port, roots, isBulk }: Seat): string[] {
  mkdirSync(join(folder, 'mitmproxy'))
  // Without it every body is held back, by design.
  const streaming = isBulk ? ['--set', 'stream_large_bodies=1m'] : []
  return ['mitmdump', ...mitmproxyArguments(join(folder, 'mitmproxy'), port, roots), ...streaming]
}

function keep(folder: string, text: string): string {
  const file = join(folder, 'configuration')
  writeFileSync(file, `${text}\n`)
  return file
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
}
