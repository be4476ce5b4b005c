import { connect, type Socket } from 'node:net'
import { MessageReader } from './message-reader.js'
import { requestBytes, type Workload } from './workloads.js'

/** One measurement, as the parent asks for it. */
export type LoadOrder = {
  readonly workload: Workload
  readonly port: number
  readonly target: string
  readonly host: string
  readonly connections: number
  readonly seconds: number
}

export type LoadResult = { readonly requests: number; readonly errors: number; readonly seconds: number }

/** A closed loop: every connection sends its next request when the answer is complete. */
function load(order: LoadOrder, done: (result: LoadResult) => void): void {
  const bytes = requestBytes(order.workload, order.target, order.host)
  const sockets: Socket[] = []
  let requests = 0
  let errors = 0
  let running = true
  const startedAt = performance.now()
  const onMessage = (socket: Socket) => (head: string) => {
    if (!running) return
    requests++
    // "HTTP/1.1 200": anything else is not what was to be measured.
    if (head.charCodeAt(9) !== 50) errors++
    socket.write(bytes)
  }
  const fail = (socket: Socket) => {
    if (running) errors++
    socket.destroy()
  }
  for (let i = 0; i < order.connections; i++) {
    const socket = connect({ port: order.port, host: '127.0.0.1', noDelay: true })
    const reader = new MessageReader(onMessage(socket))
    socket.on('connect', () => socket.write(bytes))
    socket.on('data', chunk => {
      try {
        reader.feed(chunk)
      } catch {
        fail(socket)
      }
    })
    socket.on('error', () => fail(socket))
    sockets.push(socket)
  }
  setTimeout(() => {
    running = false
    for (const socket of sockets) socket.destroy()
    done({ requests, errors, seconds: (performance.now() - startedAt) / 1_000 })
  }, order.seconds * 1_000)
}

process.on('message', (order: LoadOrder) => load(order, result => process.send?.(result)))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
