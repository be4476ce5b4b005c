import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { type ClientConnection, clientConnection } from '../../../src/listener/client-connection.js'
import { readToEnd } from '../../support/tunnel.js'

/** More than the system keeps of a socket that nobody reads. */
const LARGE = Buffer.alloc(16_777_216, 'a')

/** A connection as the listener has it, and its client. */
async function pair(t: Test, serve: (server: Server) => void = () => undefined) {
  const server = createServer()
  serve(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await accepted) as [Socket]
  t.teardown(() => {
    client.destroy()
    socket.destroy()
    server.close()
  })
  return { client, socket, connection: clientConnection(socket) }
}

const begin = (connection: ClientConnection) => connection.enqueue(() => undefined)

test('F7: a connection that retires is closed at once when it is idle', async t => {
  const { client, connection } = await pair(t)
  connection.retire()
  t.equal((await readToEnd(client)).length, 0)
})

test('F7: a connection that retires is closed when its request is answered, behind those that wait', async t => {
  const { client, socket, connection } = await pair(t)
  begin(connection)
  const begun: string[] = []
  connection.enqueue(() => begun.push('second'))
  connection.retire()
  t.equal(socket.writable, true)
  connection.done()
  t.strictSame(begun, ['second'])
  t.equal(socket.writable, true)
  socket.write('answer')
  connection.done()
  t.equal(String(await readToEnd(client)), 'answer')
})

test('F7: a connection that retires after its last answer has ended it loses nothing of that answer', async t => {
  const { client, socket, connection } = await pair(t)
  client.pause()
  begin(connection)
  connection.retire()
  socket.write(LARGE)
  socket.destroySoon()
  connection.done()
  client.resume()
  t.equal((await readToEnd(client)).length, LARGE.length)
})

test('F7: what is written is sent before a connection that retires is closed, however slowly it is read', async t => {
  const { client, socket, connection } = await pair(t)
  client.pause()
  begin(connection)
  socket.write(LARGE)
  connection.done()
  t.ok(socket.writableLength > 0)
  connection.retire()
  client.resume()
  t.equal((await readToEnd(client)).length, LARGE.length)
})

test('F7: the answer to a pipelined request is sent, too, when the one before it is read slowly', async t => {
  let answered: (connection: ClientConnection) => void = () => undefined
  const both = new Promise<ClientConnection>(resolve => (answered = resolve))
  let count = 0
  const { client } = await pair(t, server =>
    server.on('request', (request, response) => {
      const connection = clientConnection(request.socket)
      begin(connection)
      response.end(++count === 1 ? LARGE : 'the second')
      connection.done()
      if (count === 2) answered(connection)
    }),
  )
  client.pause()
  client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
  const connection = await both
  t.ok(connection.socket.writableLength > 0)
  connection.retire()
  client.resume()
  t.match(String((await readToEnd(client)).subarray(-12)), /the second$/)
})
