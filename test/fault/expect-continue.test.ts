import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { readAnswer } from '../support/client.js'
import { oneRoute, scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script } from '../support/upstream.js'

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const BODY = 'b'.repeat(10_000)

const head = (url: string, length = BODY.length) =>
  `POST ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`

function dial(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  return socket
}

/** Resolves with the first bytes that reach the client. */
const firstBytes = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0])

/** Counts what comes behind the head, and calls `then` when it is the whole body. */
function countBody(socket: Socket, counts: number[], index: number, then: () => void): void {
  counts[index] = 0
  socket.on('data', chunk => {
    counts[index] = (counts[index] ?? 0) + chunk.length
    if (counts[index] === BODY.length) then()
  })
}

t.test('L6: an expectation that is refused costs no byte of body', async t => {
  const counts: number[] = []
  const script: Script = (seen, socket) => {
    countBody(socket, counts, seen.number, () => undefined)
    return answer(403, 'never', 'Connection: close')
  }
  const { upstream, daemon, url } = await scene(t, script, oneRoute(), { early: true })
  const socket = dial(daemon.port)
  socket.write(head(url))
  const got = await readAnswer(socket, 'POST')
  t.equal(got.status, 403)
  t.equal(got.text, 'never')
  t.equal(got.header('connection'), 'close', 'whether the body follows is open, so nothing else may')
  t.equal(upstream.seen.length, 1)
  t.match(upstream.seen[0]?.head, /\r\nExpect: 100-continue/i)
  t.equal(counts[1], 0, 'no byte of body')
  t.equal((await daemon.logged(1))[0]?.bytes_in, 0)
})

t.test('L6: a refusal that is repeated asks again, and the body is sent once, when it is wanted', async t => {
  // Who is held up for a second has waited for the first answer as long as one does.
  const { upstream, socket, counts, first } = await undisturbed(async () => {
    const counts: number[] = []
    const script: Script = (seen, socket) => {
      if (seen.number === 1) {
        countBody(socket, counts, 1, () => undefined)
        return answer(503, 'busy', 'Retry-After: 0')
      }
      countBody(socket, counts, 2, () => socket.write(answer(200, 'taken')))
      return CONTINUE
    }
    const { upstream, daemon, url } = await scene(t, script, oneRoute(), { early: true })
    const socket = dial(daemon.port)
    socket.write(head(url))
    return { upstream, socket, counts, first: await firstBytes(socket) }
  }, 250)
  t.equal(first, CONTINUE, 'the client is told to go on when the upstream was')
  t.equal(upstream.seen.length, 2)
  t.same(counts, [undefined, 0, 0], 'not a byte before')
  const answered = readAnswer(socket, 'POST')
  socket.write(BODY)
  t.equal((await answered).text, 'taken')
  t.same(counts, [undefined, 0, BODY.length])
  t.match(upstream.seen[1]?.head, /\r\nExpect: 100-continue/i, 'asked again')
})

t.test('L6: an upstream that never says 100 gets the body after a second', async t => {
  const { text, waited } = await undisturbed(async () => {
    let askedAt = 0
    let bodyAt = 0
    const script: Script = (_, socket) => {
      askedAt = performance.now()
      socket.once('data', () => {
        bodyAt = performance.now()
      })
      countBody(socket, [], 0, () => socket.write(answer(200, 'taken')))
    }
    const { daemon, url } = await scene(t, script, oneRoute(), { early: true })
    const socket = dial(daemon.port)
    const answered = readAnswer(socket, 'POST')
    socket.once('data', chunk => {
      if (String(chunk) === CONTINUE) socket.write(BODY)
    })
    socket.write(head(url))
    return { text: (await answered).text, waited: bodyAt - askedAt }
  })
  t.equal(text, 'taken')
  t.ok(waited >= 990 && waited < 1_500, `${Math.round(waited)} ms`)
})

t.test('L6: a client that does not wait for 100 loses nothing', async t => {
  const counts: number[] = []
  const script: Script = (seen, socket) => {
    if (seen.number === 1) return answer(503, 'busy', 'Retry-After: 0')
    countBody(socket, counts, 2, () => socket.write(answer(200, 'taken')))
    return CONTINUE
  }
  const { daemon, url } = await scene(t, script, oneRoute(), { early: true })
  const socket = dial(daemon.port)
  const answered = readAnswer(socket, 'POST')
  socket.write(head(url) + BODY)
  t.equal((await answered).text, 'taken')
  t.equal(counts[2], BODY.length)
})
