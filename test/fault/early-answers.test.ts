import { test } from 'tap'
import { interceptedScene } from '../support/intercepted.js'
import { AnswerReader } from '../support/matrix/answer-reader.js'
import { answer, type Script } from '../support/upstream.js'

test('F14: a request behind an upload that was answered before its end is answered', async t => {
  const script: Script = ({ path }) => answer(path === '/early' ? 413 : 200, path, 'Connection: close')
  const scene = await interceptedScene(t, script, undefined, { early: true })
  const socket = await scene.open('api.test:443', { ALPNProtocols: ['http/1.1'] })
  t.teardown(() => socket.destroy())
  const reader = new AnswerReader(socket)
  socket.write('POST /early HTTP/1.1\r\nHost: api.test\r\nContent-Length: 60000\r\n\r\n')
  socket.write(Buffer.alloc(30_000))
  t.equal((await reader.next()).status, 413)
  socket.write(Buffer.alloc(30_000))
  socket.write('GET /next HTTP/1.1\r\nHost: api.test\r\n\r\n')
  t.match(await reader.next(), { status: 200, broken: false })
})
