import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import { MessageReader } from './message-reader.js'

/** Where a connection of the load leads. @property tunnel what CONNECT asks for first */
export type Way = {
  readonly port: number
  readonly secureContext: SecureContext | undefined
  readonly tunnel: string | undefined
}

/** Silence after which something hangs, in milliseconds. */
const PATIENCE = 30_000

/** A connection that is ready for HTTP. No TLS session is resumed: every handshake is a full one. */
export async function openConnection({ port, secureContext, tunnel }: Way): Promise<Socket> {
  const tcp = connect({ port, host: '127.0.0.1', noDelay: true })
  endSilence(tcp, PATIENCE)
  await once(tcp, 'connect')
  if (tunnel !== undefined) await askTunnel(tcp, tunnel)
  if (secureContext === undefined) return tcp
  const tls = connectTls({ socket: tcp, host: '127.0.0.1', secureContext, ALPNProtocols: ['http/1.1'] })
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
      if (/^HTTP\/1\.1 200/.test(head)) resolve()
      else refuse(head)
    })
    socket.on('data', chunk => reader.feed(chunk)).on('error', reject)
    socket.on('close', () => refuse('closed without an answer'))
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  })
}
