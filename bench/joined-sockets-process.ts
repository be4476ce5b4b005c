import { connect, createServer } from 'node:net'

/**
 * The least that a proxy in Node can be: each client has an upstream connection of its own, and bytes go from one to the
 * other unread. What a proxy costs beyond that is its own doing. Its arguments: the port to listen on, and the upstream's.
 */
const [port, upstream] = process.argv.slice(2).map(Number)
const server = createServer({ noDelay: true }, client => {
  const socket = connect({ port: upstream as number, host: '127.0.0.1', noDelay: true })
  client.on('error', () => socket.destroy()).on('close', () => socket.destroy())
  socket.on('error', () => client.destroy()).on('close', () => client.destroy())
  client.pipe(socket).pipe(client)
})
server.listen(port, '127.0.0.1')
