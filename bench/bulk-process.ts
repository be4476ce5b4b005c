import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { bodyLength, MessageReader } from '../src/bench/message-reader.js'

/** One long body through a proxy. @property target the request-target */
export type BulkOrder = {
  readonly port: number
  readonly target: string
  readonly host: string
  readonly direction: 'down' | 'up'
  readonly bytes: number
}

/** @property failure what went wrong */
export type BulkResult = { readonly seconds: number; readonly failure: string | undefined }

// Both ends of the transfer are this process: the upstream, whose port is its first word to its parent, and the client.

const CHUNK = Buffer.alloc(65_536, 'z')
const OK = 'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n'

/** Body bytes that reached the upstream with the last request. */
let uploaded = 0
let size = 0

/** As fast as it is taken. */
function pour(socket: Socket, bytes: number): void {
  let left = bytes
  const more = () => {
    while (left > 0) {
      const part = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK
      left -= part.length
      if (!socket.write(part)) break
    }
    if (left > 0) socket.once('drain', more)
  }
  more()
}

const upstream = createServer({ noDelay: true }, socket => {
  const reader = new MessageReader(head => {
    uploaded = bodyLength(head)
    if (head.startsWith('GET ')) {
      socket.write(`${OK}Content-Length: ${size}\r\n\r\n`)
      pour(socket, size)
    } else socket.write(`${OK}Content-Length: 0\r\n\r\n`)
  })
  socket.on('data', chunk => reader.feed(chunk)).on('error', () => socket.destroy())
})

function transfer({ port, target, host, direction, bytes }: BulkOrder): Promise<BulkResult> {
  size = bytes
  uploaded = 0
  const startedAt = performance.now()
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  return new Promise(resolve => {
    const end = (failure: string | undefined) => {
      resolve({ seconds: (performance.now() - startedAt) / 1_000, failure })
      socket.destroy()
    }
    const reader = new MessageReader(head => {
      const got = direction === 'up' ? uploaded : bodyLength(head)
      end(/^HTTP\/1\.[01] 200 /.test(head) && got === bytes ? undefined : `${got} bytes, and ${head}`)
    })
    socket.on('data', chunk => {
      try {
        reader.feed(chunk)
      } catch (error) {
        end(String(error))
      }
    })
    socket.on('error', error => end(String(error))).on('close', () => end('closed before its end'))
    const common = `${target} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: mulligan-bench\r\n`
    if (direction === 'down') socket.write(`GET ${common}\r\n`)
    else {
      socket.write(`POST ${common}Content-Type: application/octet-stream\r\nContent-Length: ${bytes}\r\n\r\n`)
      pour(socket, bytes)
    }
  })
}

process.on('message', (order: BulkOrder) => void transfer(order).then(result => process.send?.(result)))
process.on('disconnect', () => process.exit(0))
upstream.listen(0, '127.0.0.1', () => process.send?.((upstream.address() as AddressInfo).port))
