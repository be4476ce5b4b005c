import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { makeCertificate } from './certificate.js'
import { type Answer, readAnswer } from './client.js'
import { startTestDaemon, type TestDaemon } from './daemon.js'
import { shortDir } from './short-dir.js'
import { openTunnel } from './tunnel.js'
import { type Script, startUpstream, type TestUpstream, type UpstreamOptions } from './upstream.js'

/** The upstream's certificate: the daemon trusts it by `egress.ca_file`, clients do not know it. */
export const UPSTREAM_CERTIFICATE = makeCertificate()

export type InterceptedScene = {
  readonly upstream: TestUpstream
  readonly daemon: TestDaemon
  /** The local CA's certificate, as a client would be given it. */
  readonly ca: () => string
  /** A TLS connection to `authority` through the daemon, verified by the local CA alone. */
  readonly open: (authority?: string, options?: ConnectionOptions) => Promise<TLSSocket>
  /** One request inside such a connection of its own. */
  readonly get: (path: string, ...fields: string[]) => Promise<Answer>
  /** A configuration with this scene's upstream in it. */
  readonly yaml: (routes: string) => string
}

/** One route: `api.test` goes to the scene's upstream. @param settings further lines of the route */
export const apiRoute = (port: number, ...settings: string[]): string =>
  [
    '  - name: api',
    '    match: { host: api.test }',
    `    upstream: https://localhost:${port}`,
    '    retry: { backoff: { base: 10ms, cap: 20ms } }',
    ...settings.map(line => `    ${line}`),
    '',
  ].join('\n')

/** An HTTPS upstream, the daemon, and clients that trust nothing but the local CA. */
export async function interceptedScene(
  t: Test,
  script: Script,
  routes: (port: number) => string = port => apiRoute(port),
  options: UpstreamOptions = {},
): Promise<InterceptedScene> {
  const upstream = await startUpstream(script, { ...options, tls: UPSTREAM_CERTIFICATE })
  t.teardown(() => upstream.close())
  const roots = join(shortDir(t), 'roots.pem')
  writeFileSync(roots, UPSTREAM_CERTIFICATE.cert)
  const yaml = (text: string) => `egress: { ca_file: ${roots} }\nroutes:\n${text}`
  const daemon = await startTestDaemon(yaml(routes(upstream.port)))
  t.teardown(() => daemon.close())
  const ca = () => readFileSync(join(daemon.state, 'ca.pem'), 'utf8')
  const open = (authority = 'api.test:443', tls: ConnectionOptions = {}) =>
    openSecure(daemon.port, authority, { ca: ca(), ...tls })
  return {
    upstream,
    daemon,
    ca,
    open,
    yaml,
    get: async (path, ...fields) => {
      const socket = await open()
      const answer = readAnswer(socket)
      socket.write(`${[`GET ${path} HTTP/1.1`, 'Host: api.test', ...fields].join('\r\n')}\r\n\r\n`)
      const got = await answer
      socket.destroy()
      return got
    },
  }
}

/** A TLS connection inside a CONNECT tunnel. @throws what the handshake throws */
export async function openSecure(proxy: number, authority: string, options: ConnectionOptions): Promise<TLSSocket> {
  const { socket, status, head } = await openTunnel(proxy, authority)
  if (status !== 200) throw new Error(head)
  const host = authority.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  const named = isIP(host) ? { host } : { servername: host }
  const secure = connect({ socket, ...named, ...options })
  await once(secure, 'secureConnect')
  secure.on('error', () => undefined)
  // The socket below is half-open, which TLS then is too.
  secure.on('end', () => secure.end())
  return secure
}
