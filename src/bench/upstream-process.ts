import { type AddressInfo, createServer } from 'node:net'
import { MessageReader } from './message-reader.js'
import { WORKLOADS } from './workloads.js'

/** The upstream of the benchmark: raw sockets, one prepared answer per path. Says its port to its parent. */
const answers = WORKLOADS.map(({ path, receive }) => ({ path, bytes: answerBytes(receive) }))

function answerBytes(length: number): Buffer {
  const head = `HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: application/octet-stream\r\nContent-Length: ${length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.alloc(length, 'y')])
}

/** The path may stand behind a candidate's prefix. */
function answerTo(head: string): Buffer {
  const target = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/1.'))
  const found = answers.find(({ path }) => target.endsWith(path))
  if (found === undefined) throw new Error(`the benchmark asked for ${target}`)
  return found.bytes
}

const server = createServer({ noDelay: true }, socket => {
  const reader = new MessageReader(head => socket.write(answerTo(head)))
  socket.on('data', chunk => reader.feed(chunk))
  socket.on('error', () => socket.destroy())
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit(0))
