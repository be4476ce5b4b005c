import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import type { TestDaemon } from './daemon.js'
import { certificate, daemonFor, rootsFile } from './next-hop.js'

type H2Seen = {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  /** Names and values as they came, pseudo-fields included. */
  readonly raw: readonly string[]
  readonly method: string
  readonly path: string
  /** 1 for the first request at all. */
  readonly number: number
  /** 1 for the first connection. */
  readonly connection: number
}

export type H2Handler = (stream: ServerHttp2Stream, seen: H2Seen) => void

export type H2Upstream = {
  readonly port: number
  readonly url: string
  readonly seen: H2Seen[]
  /** Connections so far, and those that speak HTTP/2 now. */
  readonly connections: () => number
  readonly sessions: ReadonlySet<ServerHttp2Session>
  readonly handshakes: () => number
  /** What comes by HTTP/1.1, where the options allow that. */
  readonly onHttp1: (handle: (seen: IncomingMessage, answer: ServerResponse) => void) => void
  readonly onUpgrade: (handle: (socket: Duplex) => void) => void
}

/** Node's own HTTP/2 server over TLS: what it makes of requests is an independent opinion. */
export async function startH2Upstream(
  t: Test,
  handler: H2Handler,
  options: SecureServerOptions = {},
): Promise<H2Upstream> {
  const sessions = new Set<ServerHttp2Session>()
  const numbers = new Map<ServerHttp2Session | undefined, number>()
  const seen: H2Seen[] = []
  let handshakes = 0
  const server = createSecureServer({ ...certificate, ...options })
  server.on('secureConnection', () => handshakes++)
  server.on('session', session => {
    sessions.add(session)
    numbers.set(session, numbers.size + 1)
    session.on('error', () => undefined)
    session.on('close', () => sessions.delete(session))
  })
  // The types leave out the fourth argument.
  const onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _: number, raw: readonly string[]) => {
    stream.on('error', () => undefined)
    const request = {
      stream,
      headers,
      raw,
      method: headers[':method'] ?? '',
      path: headers[':path'] ?? '',
      number: seen.length + 1,
      connection: numbers.get(stream.session as ServerHttp2Session) ?? 0,
    }
    seen.push(request)
    handler(stream, request)
  }
  server.on('stream', onStream as (stream: ServerHttp2Stream) => void)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const session of sessions) session.destroy()
    server.close()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `https://localhost:${port}`,
    seen,
    connections: () => numbers.size,
    sessions,
    handshakes: () => handshakes,
    onHttp1: handle => {
      server.on('request', (request, answer) => {
        if (request.httpVersionMajor === 1)
          handle(request as unknown as IncomingMessage, answer as unknown as ServerResponse)
      })
    },
    onUpgrade: handle => server.on('upgrade', (_, socket) => handle(socket)),
  }
}

/** The real daemon, that trusts the certificate of these upstreams. @param lines further settings of its one route */
export const h2Daemon = (t: Test, ...lines: string[]): Promise<TestDaemon> => daemonFor(t, h2Config(t, lines))

/** @param egress further keys of that block */
export function h2Config(t: Test, lines: readonly string[] = [], egress = ''): string {
  const retry = lines.some(line => line.startsWith('retry:')) ? [] : ['retry: { backoff: { base: 10ms, cap: 20ms } }']
  const settings = ['name: all', 'match: { host: "*" }', ...retry, ...lines]
  return `egress: { ca_file: ${rootsFile(t)}${egress} }\nroutes:\n  - ${settings.join('\n    ')}\n`
}

/** Answers with a text. */
export function reply(stream: ServerHttp2Stream, text: string, headers: Record<string, string | number> = {}): void {
  if (stream.destroyed || stream.closed) return
  stream.respond({ ':status': 200, 'content-length': Buffer.byteLength(text), ...headers })
  stream.end(text)
}
