import { connect } from 'node:net'
import { test } from 'tap'
import { readAnswer, request } from '../support/client.js'
import { type FrameScript, okay, settings, startFrameServer, TYPE, window } from '../support/h2-frames.js'
import { h2Daemon } from '../support/h2-upstream.js'
import { certificate } from '../support/next-hop.js'

/** Large enough for an upload to fill every buffer on its way. */
const NO_LIMIT = 2 ** 30

test('R1: an HTTP/2 upstream that stops reading and resets its connection during an upload is noticed', async t => {
  const script: FrameScript = {
    open: peer => peer.send(settings(4, NO_LIMIT), window(0, NO_LIMIT)),
    onFrame: ({ type, stream }, peer) => {
      if (peer.number > 1 && type === TYPE.headers) return peer.send(okay(stream, 'ok'))
      if (type !== TYPE.data || peer.socket.isPaused()) return
      peer.socket.pause()
      // By then the kernel's buffers are full: a write is under way.
      setTimeout(() => peer.socket.destroy(), 300)
    },
  }
  const upstream = await startFrameServer(t, script, certificate)
  const daemon = await h2Daemon(t)
  const socket = connect(daemon.port, '127.0.0.1')
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  const answered = readAnswer(socket, 'POST')
  socket.write(
    `POST ${upstream.url}/ HTTP/1.1\r\nHost: localhost:${upstream.port}\r\nContent-Length: ${NO_LIMIT}\r\n\r\n`,
  )
  const block = Buffer.alloc(65_536)
  const pour = () => {
    while (!socket.destroyed && socket.write(block));
    socket.once('drain', pour)
  }
  pour()
  const { status, text } = await answered
  t.equal(status, 502)
  t.match(JSON.parse(text), { outcome: 'unknown' })
  t.equal((await request(daemon.port, `${upstream.url}/after`)).text, 'ok', 'nothing is sent on the dead connection')
})
