import { createServer, type IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { startTestDaemon } from './daemon.js'

/**
 * A forward proxy in a process of its own, because some of them die of a probe. The argument names what it is made
 * of; its port is sent to the parent. The http-proxy family is used the way its documentation shows.
 */
type Family = {
  readonly createProxyServer: (options: object) => {
    readonly web: (request: IncomingMessage, response: unknown, options: object) => void
    readonly ws: (request: IncomingMessage, socket: unknown, head: Buffer, options: object) => void
  }
}

const name = process.argv[2] ?? ''

async function port(): Promise<number> {
  if (name === 'mulligan') {
    const daemon = await startTestDaemon()
    process.on('disconnect', () => void daemon.close().finally(() => process.exit()))
    return daemon.port
  }
  process.on('disconnect', () => process.exit())
  const { createProxyServer } = createRequire(import.meta.url)(name) as Family
  const proxy = createProxyServer({})
  const targetOf = ({ url = '' }: IncomingMessage) => ({ target: /^http:\/\/[^/]+/.exec(url)?.[0] })
  const server = createServer((request, response) => proxy.web(request, response, targetOf(request)))
  server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head, targetOf(request)))
  server.on('clientError', (_, socket) => socket.destroy())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

process.send?.(await port())
