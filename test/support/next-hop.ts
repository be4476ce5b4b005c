import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeCertificate } from './certificate.js'
import { startTestDaemon, type TestDaemon } from './daemon.js'
import { shortDir } from './short-dir.js'
import { type Script, startUpstream, type TestUpstream, type UpstreamOptions } from './upstream.js'

const OPEN = 'HTTP/1.1 200 Connection established\r\n\r\n'

/** What a proxy does after it answered CONNECT: bytes pass. @param answer its answer, and what the target says at once */
export function leadTo(socket: Socket, port: number, answer = OPEN): undefined {
  socket.removeAllListeners('data')
  socket.write(answer, 'latin1')
  const onward = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  onward.on('error', () => socket.destroy())
  onward.on('close', () => socket.destroy())
  socket.on('close', () => onward.destroy())
  socket.pipe(onward)
  onward.pipe(socket)
  return undefined
}

/** A scripted server that lives as long as the test: an origin, or a proxy. */
export async function serve(t: Test, script: Script, options: UpstreamOptions = {}): Promise<TestUpstream> {
  const upstream = await startUpstream(script, options)
  t.teardown(() => upstream.close())
  return upstream
}

/** The certificate of TLS servers in these tests: for localhost and 127.0.0.1. */
export const certificate = makeCertificate()

/** A file with that certificate, for `egress.ca_file`. */
export function rootsFile(t: Test): string {
  const file = join(shortDir(t), 'roots.pem')
  writeFileSync(file, certificate.cert)
  return file
}

const RETRY = 'retry: { backoff: { base: 10ms, cap: 20ms } }'

/** `secure.test` leads to an https origin, everything else where it says. @param egress the block's lines @param tls port */
export const through = (egress: string, tls = 443, rest = ''): string => `
egress: { ${egress} }
routes:
  - { name: secure, match: { host: secure.test }, upstream: "https://localhost:${tls}", ${RETRY}${rest} }
  - { name: all, match: { host: "*" }, ${RETRY}${rest} }
`

/** A daemon that lives as long as the test. */
export async function daemonFor(t: Test, yaml?: string, env?: NodeJS.ProcessEnv): Promise<TestDaemon> {
  const daemon = await startTestDaemon(yaml, '127.0.0.1:0', env)
  t.teardown(() => daemon.close())
  return daemon
}
