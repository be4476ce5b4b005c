import { type AddressInfo, createServer, type Socket } from 'node:net'
import { openConnection } from '../src/bench/load-connection.js'

/** Tunnels that are opened, used once, and then left. @property probe one alone, which is closed again */
export type TunnelOrder = { readonly port: number; readonly count: number; readonly probe?: true }

/** Opened at a time. */
const AT_ONCE = 32

/** The first bytes of a TLS handshake, as far as a tunnel looks at them, and some more. */
const HELLO = Buffer.concat([Buffer.from([0x16, 3, 1, 0, 123]), Buffer.alloc(123, 1)])

/** The upstream says back what it is told. */
const upstream = createServer(socket => {
  socket.on('error', () => socket.destroy()).pipe(socket)
})

async function open(port: number): Promise<Socket> {
  const tunnel = `127.0.0.1:${(upstream.address() as AddressInfo).port}`
  const socket = await openConnection({ port, tunnel, secureContext: undefined })
  socket.on('error', () => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    let left = HELLO.length
    socket.on('data', chunk => {
      left -= chunk.length
      if (left === 0) resolve()
    })
    socket.once('close', () => reject(new Error('a tunnel was closed')))
    socket.write(HELLO)
  })
  // From here on it is meant to be silent.
  socket.setTimeout(0)
  return socket
}

async function obey({ port, count, probe }: TunnelOrder): Promise<void> {
  let left = count
  const lane = async () => {
    while (left-- > 0) {
      const socket = await open(port)
      if (probe) socket.destroy()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

process.on(
  'message',
  (order: TunnelOrder) =>
    void obey(order).then(
      () => process.send?.('open'),
      (error: unknown) => process.send?.(String(error)),
    ),
)
process.on('disconnect', () => process.exit(0))
// A proxy that dials for many at once must find room.
upstream.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => process.send?.('ready'))
