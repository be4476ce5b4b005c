import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { MessageReader } from './message-reader.js'
import { KEYED_WORKLOADS, PLAIN_WORKLOADS, TLS_WORKLOADS, type Workload } from './workloads.js'

/**
 * The upstream of the benchmark: raw sockets, one prepared answer per path. Says its port to its parent. Its arguments
 * are the files of its certificate and key; without them it speaks in the clear.
 */
const workloads: readonly Workload[] = [...PLAIN_WORKLOADS, ...TLS_WORKLOADS, ...KEYED_WORKLOADS]
const answers = workloads.map(workload => ({ ...workload, bytes: answerBytes(workload) }))

function answerBytes({ receive, closes }: Workload): Buffer {
  const head = [
    'HTTP/1.1 200 OK',
    'Server: bench',
    'Content-Type: application/octet-stream',
    `Content-Length: ${receive}`,
    ...(closes ? ['Connection: close'] : []),
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.alloc(receive, 'y')])
}

function answer(socket: Socket, head: string): void {
  const target = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/1.'))
  // The path may stand behind a candidate's prefix.
  const found = answers.find(({ path }) => target.endsWith(path))
  if (found === undefined) throw new Error(`the benchmark asked for ${target}`)
  socket.write(found.bytes)
  if (found.closes) socket.end()
}

function serve(socket: Socket): void {
  const reader = new MessageReader(head => answer(socket, head))
  socket.on('data', chunk => reader.feed(chunk))
  socket.on('error', () => socket.destroy())
}

const [certificate, key] = process.argv.slice(2).map(file => readFileSync(file))
const server =
  certificate && key
    ? createTlsServer({ cert: certificate, key, ALPNProtocols: ['http/1.1'], noDelay: true }, serve)
    : createServer({ noDelay: true }, serve)
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit(0))
