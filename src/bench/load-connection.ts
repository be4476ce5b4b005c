import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import { MessageReader } from './message-reader.js'

/**
 * Where a connection of the load leads.
 * @property tunnel what CONNECT asks for first
 * @property name who the certificate must be for; 127.0.0.1
 * @property protocol what is spoken inside TLS; HTTP/1.1
 */
export type Way = {
  readonly port: number
  readonly secureContext: SecureContext | undefined
  readonly tunnel: string | undefined
  readonly name?: string
  readonly protocol?: 'h2'
}

/** Silence after which something hangs, in milliseconds. */
const PATIENCE = 30_000

/** A connection that is ready for HTTP. No TLS session is resumed: every handshake is a full one. */
export async function openConnection(way: Way): Promise<Socket> {
  const tcp = connect({ port: way.port, host: '127.0.0.1', noDelay: true })
  endSilence(tcp, PATIENCE)
  try {
    await once(tcp, 'connect')
    return await goThrough(tcp, way)
  } catch (error) {
    // Nobody else knows of it, so nobody would hear what becomes of it.
    tcp.on('error', () => undefined).destroy()
    throw error
  }
}

async function goThrough(tcp: Socket, { secureContext, tunnel, name, protocol }: Way): Promise<Socket> {
  if (tunnel !== undefined) await askTunnel(tcp, tunnel)
  if (secureContext === undefined) return tcp
  const who = name === undefined ? { host: '127.0.0.1' } : { host: name, servername: name }
  const tls = connectTls({ socket: tcp, ...who, secureContext, ALPNProtocols: [protocol ?? 'http/1.1'] })
  // The socket below does not see what passes from here on.
  endSilence(tcp, 0)
  endSilence(tls, PATIENCE)
  await once(tls, 'secureConnect')
  return tls
}

const endSilence = (socket: Socket, patience: number): Socket =>
  socket.setTimeout(patience).once('timeout', () => socket.destroy(new Error('a connection fell silent')))

async function askTunnel(socket: Socket, authority: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (why: string) => reject(new Error(`CONNECT ${authority}: ${why}`))
    const reader = new MessageReader(head => {
      socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error')
      if (/^HTTP\/1\.[01] 200/.test(head)) resolve()
      else refuse(head)
    })
    socket.on('data', chunk => reader.feed(chunk)).on('error', reject)
    socket.on('close', () => refuse('closed without an answer'))
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  })
}
