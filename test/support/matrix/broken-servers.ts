import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Test } from 'tap'
import { makeCertificate, type TestCertificate } from '../certificate.js'
import { UPSTREAM_CERTIFICATE } from '../intercepted.js'
import type { Dice } from './dice.js'
import type { Ports } from './settings.js'

/** Trusted like the other, and over. */
export const EXPIRED: TestCertificate = makeCertificate('localhost', ['200101000000Z', '200102000000Z'])

export type BrokenServers = {
  readonly ports: Ports
  /** Bytes of requests that somebody was given all the same. */
  readonly leaked: readonly string[]
}

/** Servers that no request may reach. @param origin the port of one that is well, for the shaky one */
export async function startBrokenServers(t: Test, origin: number, { once: oneIn }: Dice): Promise<BrokenServers> {
  const leaked: string[] = []
  const ports: Record<string, number> = {}
  const listen = async (name: string, server: Server, host = '127.0.0.1') => {
    const open = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      open.add(socket.on('error', () => undefined))
      socket.on('close', () => open.delete(socket))
    })
    await once(server.listen(0, host), 'listening')
    ports[name] = (server.address() as AddressInfo).port
    t.teardown(() => {
      for (const socket of open) socket.destroy()
      server.close()
    })
  }
  const impostor = (name: string, certificate: TestCertificate) =>
    createTlsServer({ ...certificate }, socket => {
      socket.on('error', () => undefined)
      socket.on('data', chunk => leaked.push(`${name}: ${String(chunk)}`))
    })
  // A request in plain text would be one that fell back.
  const watched = (name: string, socket: Socket) =>
    socket.on('data', chunk => /^(?:GET|PUT|POST) /.test(String(chunk)) && leaked.push(`${name}: ${String(chunk)}`))

  await listen(
    'mute',
    createServer(socket => watched('mute', socket)),
  )
  await listen('untrusted', impostor('untrusted', makeCertificate()))
  await listen('misnamed', impostor('misnamed', UPSTREAM_CERTIFICATE), '127.0.0.2')
  await listen('expired', impostor('expired', EXPIRED))
  await listen(
    'banner',
    createServer(socket => void watched('banner', socket).write('SSH-2.0-OpenSSH_9.6\r\n')),
  )
  await listen(
    'hang-up',
    createServer(socket => watched('hang-up', socket).once('data', () => socket.destroy())),
  )
  await listen(
    'shaky',
    createServer(socket => {
      if (oneIn(2)) return void socket.once('data', () => (oneIn(2) ? socket.end() : socket.resetAndDestroy()))
      const on = connect(origin, '127.0.0.1')
      on.on('error', () => socket.destroy()).on('close', () => socket.destroy())
      socket
        .on('close', () => on.destroy())
        .pipe(on)
        .pipe(socket)
    }),
  )
  return { ports, leaked }
}
