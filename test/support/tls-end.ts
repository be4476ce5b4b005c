import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import type { LeafContexts } from '../../src/certificate/leaf-contexts.js'

/** A proxy that ends the TLS of whatever host a CONNECT names, and answers `ok` itself. @returns its port */
export async function startTlsEnd(t: Test, contexts: LeafContexts): Promise<number> {
  const server = createServer()
  server.on('connect', async (request, socket) => {
    // A client that refuses the certificate breaks off: it says so itself.
    socket.on('error', () => undefined)
    const secureContext = await contexts.get(hostOf(request.url ?? ''))
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    const inner = new TLSSocket(socket, { isServer: true, secureContext })
    inner.on('error', () => socket.destroy())
    inner.once('data', () => inner.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n'))
  })
  server.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Some clients leave out the brackets of an IPv6 address. */
const hostOf = (target: string): string => target.slice(0, target.lastIndexOf(':')).replace(/^\[|\]$/g, '')
