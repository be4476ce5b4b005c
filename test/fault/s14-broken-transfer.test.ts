import { connect, type Socket } from 'node:net'
import t from 'tap'
import { requestBytes } from '../support/client.js'
import { oneRoute, scene } from '../support/scene.js'
import type { Script } from '../support/upstream.js'

type Received = { readonly text: string; readonly reset: boolean }

/** Everything that reaches a client until its connection ends, and how that was. */
function receive(port: number, bytes: Buffer | string): Promise<Received> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const chunks: Buffer[] = []
    let reset = false
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', error => {
      reset = (error as NodeJS.ErrnoException).code === 'ECONNRESET'
    })
    // Node tells a reset that arrives together with data as a plain end; an empty write knows better.
    socket.on('end', () => socket.write('', error => error || socket.end()))
    socket.on('close', () => resolve({ text: Buffer.concat(chunks).toString('latin1'), reset }))
    socket.write(bytes)
  })
}

const PART = 'A'.repeat(5_000)
const HEADS: Record<string, string> = {
  'with a length': `Content-Length: 10000\r\n\r\n${PART}`,
  chunked: `Transfer-Encoding: chunked\r\n\r\n1388\r\n${PART}\r\n`,
  'in the middle of a chunk': `Transfer-Encoding: chunked\r\n\r\n2710\r\n${PART}`,
  'before the last chunk is whole': `Transfer-Encoding: chunked\r\n\r\n1388\r\n${PART}\r\n0\r\n`,
  'without a length': `\r\n${PART}`,
}

const ENDS: Record<string, (socket: Socket) => void> = {
  reset: socket => socket.resetAndDestroy(),
  closed: socket => socket.end(),
}

/** An answer, broken off; and whoever asks again gets another representation. */
const breaking =
  (head: string, end: (socket: Socket) => void): Script =>
  (seen, socket) => {
    const field = seen.number === 1 ? '' : 'X-Other: yes\r\n'
    const bytes = `HTTP/1.1 200 OK\r\n${field}${seen.number === 1 ? head : head.replaceAll('A', 'B')}`
    socket.write(bytes, () => setImmediate(() => end(socket)))
  }

t.test('S14, L8: an answer that breaks off looks broken to the client, and nothing is spliced', async t => {
  for (const [framing, head] of Object.entries(HEADS)) {
    for (const [name, end] of Object.entries(ENDS)) {
      // Without a length a close is the end (RFC 9112 §6.3): that answer is complete.
      if (framing === 'without a length' && name === 'closed') continue
      const { upstream, daemon, url } = await scene(t, breaking(head, end))
      const { text, reset } = await receive(daemon.port, requestBytes(url))
      const what = `${framing}, ${name}`
      t.match(text, /^HTTP\/1\.1 200 OK\r\n/, what)
      t.notMatch(text, /\r\n0\r\n/, `${what}: no last chunk`)
      const promised = /content-length: 10000/i.test(text) || /transfer-encoding: chunked/i.test(text)
      t.ok(promised || reset, `${what}: what came is visibly not all`)
      t.notMatch(text, /B/, `${what}: nothing of another answer`)
      t.equal(upstream.seen.length, 1, `${what}: one hit`)
      const [record] = await daemon.logged(1)
      t.ok(record?.end, `${what}: the log says how it ended: ${record?.end}`)
    }
  }
})

t.test('L8: a client of HTTP/1.0, for whom a close is an end, gets a reset', async t => {
  const { upstream, daemon, url } = await scene(
    t,
    breaking(HEADS['chunked'] as string, socket => socket.resetAndDestroy()),
  )
  const { text, reset } = await receive(daemon.port, `GET ${url} HTTP/1.0\r\nHost: ${upstream.authority}\r\n\r\n`)
  t.match(text, /^HTTP\/1\.[01] 200/)
  t.ok(reset, 'a plain close would have looked like the end')
})

t.test('L8: a truncated answer without a length ends cleanly when the upstream did', async t => {
  const { daemon, url } = await scene(
    t,
    breaking(HEADS['without a length'] as string, socket => socket.end()),
  )
  const { text } = await receive(daemon.port, requestBytes(url, { fields: ['Connection: close'] }))
  t.match(text, /A{100}\r\n0\r\n\r\n$/)
})

t.test('L8: a broken refusal that was being drained is repeated, since nothing of it went out', async t => {
  const script: Script = (seen, socket) => {
    if (seen.number > 1) return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nhalf', () => socket.destroy())
    return undefined
  }
  const { upstream, daemon, url } = await scene(t, script, oneRoute())
  const { text } = await receive(daemon.port, requestBytes(url, { fields: ['Connection: close'] }))
  t.match(text, /^HTTP\/1\.1 200 OK[\s\S]*ok$/)
  t.equal(upstream.seen.length, 2)
})
