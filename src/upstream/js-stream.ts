import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { GoodbyeFinder } from './goodbye.js'

/** Milliseconds that HTTP/2 gets to read what came before the end. */
const LAST_READ = 1_000

/**
 * The same bytes without Node's short cut from TLS to HTTP/2. On that one a connection that is reset while we write is
 * never reported, and whatever uses it waits for ever: reading stops during a write, and the failed write is lost
 * between the two (Node 20 to 22). It costs a third of the throughput.
 * @param onGoodbye a GOAWAY with an error was written: the connection is of no use to anybody
 */
export function throughJs(socket: Socket, onGoodbye: () => void): Duplex {
  const finder = new GoodbyeFinder(onGoodbye)
  let failure: Error | undefined
  const stream = new Duplex({
    read: () => void socket.resume(),
    // A failed write is told by the end of the socket: until then HTTP/2 goes on, and reads what is there.
    write: (chunk: Buffer, _encoding, done) => {
      finder.see(chunk)
      socket.write(chunk, () => done())
    },
    writev: (chunks, done) => {
      const all = chunks.map(({ chunk }) => chunk as Buffer)
      for (const chunk of all) finder.see(chunk)
      socket.write(all.length === 1 ? (all[0] as Buffer) : Buffer.concat(all), () => done())
    },
    final: done => void socket.end(() => done()),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  // Node does this for the sockets that it knows.
  socket.setNoDelay(true)
  socket.on('data', chunk => {
    if (!stream.push(chunk)) socket.pause()
  })
  // Not passed on: Node would answer an end with a shutdown, and fail when HTTP/2 writes behind that. Nobody has a use
  // for half a connection of HTTP/2.
  socket.on('end', () => socket.destroy())
  socket.on('error', error => {
    failure = error
  })
  socket.on('close', () => destroyWhenRead(stream, failure))
  return stream
}

function destroyWhenRead(stream: Duplex, failure: Error | undefined): void {
  const destroy = () => void stream.destroy(failure)
  if (stream.readableLength === 0) return destroy()
  const timer = setTimeout(destroy, LAST_READ)
  stream.on('close', () => clearTimeout(timer))
  stream.on('data', () => {
    if (stream.readableLength === 0) destroy()
  })
}
