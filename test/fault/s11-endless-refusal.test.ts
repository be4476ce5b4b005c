import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { request } from '../support/client.js'
import { median, until } from '../support/crowd.js'
import { scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer } from '../support/upstream.js'

const HELD = 65_536
const MIB = 1_048_576

type Refusal = {
  /** Sends a refused answer that never ends in time; counts what it hands to the socket. */
  readonly send: (socket: Socket, count: (bytes: number) => void) => void
  /** What may have left before the connection is dropped: what we read, and what the kernel keeps on the way. */
  readonly max: number
}

const CHUNK = `4000\r\n${'e'.repeat(0x4000)}\r\n`
const CHUNKED = 'HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Sends pieces at a pace that the kernel need not buffer, until the connection is dropped. */
function paced(socket: Socket, piece: string, every: number, count: (bytes: number) => void): void {
  const timer = setInterval(() => {
    count(piece.length)
    socket.write(piece)
  }, every)
  socket.on('close', () => clearInterval(timer))
}

/** Sends pieces as fast as they are taken. */
function flood(socket: Socket, piece: string, count: (bytes: number) => void): void {
  const more = () => {
    while (!socket.destroyed) {
      count(piece.length)
      if (!socket.write(piece)) return
    }
  }
  socket.on('drain', more)
  more()
}

const REFUSALS: Record<string, Refusal> = {
  'endless, 16 KiB every 2 ms': {
    send: (socket, count) => {
      socket.write(CHUNKED)
      paced(socket, CHUNK, 2, count)
    },
    max: HELD + 6 * CHUNK.length,
  },
  'endless, a byte at a time': {
    send: (socket, count) => {
      socket.write(CHUNKED)
      paced(socket, '1\r\ne\r\n', 5, count)
    },
    max: HELD,
  },
  'endless, as fast as it goes': {
    send: (socket, count) => {
      socket.write(CHUNKED)
      flood(socket, CHUNK, count)
    },
    max: 12 * MIB,
  },
  'endless until the connection closes': {
    send: (socket, count) => {
      socket.write('HTTP/1.1 503 Busy\r\n\r\n')
      flood(socket, CHUNK, count)
    },
    max: 12 * MIB,
  },
  '50 MB by its length': {
    send: (socket, count) => {
      socket.write(`HTTP/1.1 503 Busy\r\nContent-Length: ${50 * MIB}\r\n\r\n`)
      flood(socket, CHUNK, count)
    },
    max: 12 * MIB,
  },
  'announced, and then nothing': {
    send: socket => socket.write(answer(503, 'x'.repeat(20_000)).slice(0, -1)),
    max: HELD,
  },
}

/** One request that meets the refusal first and an answer then. */
async function meet(t: Test, { send }: Refusal) {
  let refusedAt = 0
  const met = { text: '', repeatedAfter: 0, sent: 0, openAtRepeat: 0, connections: 0 }
  const { upstream, daemon, url } = await scene(t, (seen, socket) => {
    if (seen.number > 1) {
      met.repeatedAfter = performance.now() - refusedAt
      met.openAtRepeat = daemon.daemon.holds().upstreamConnections
      return answer(200, 'ok')
    }
    refusedAt = performance.now()
    send(socket, bytes => {
      met.sent += bytes
    })
    return undefined
  })
  met.text = (await request(daemon.port, url)).text
  await until(() => upstream.open() === 1)
  met.connections = upstream.connections()
  return met
}

t.test('S11, L7: a refused answer that does not end costs 64 KiB and 100 ms at most', async t => {
  for (const [name, refusal] of Object.entries(REFUSALS)) {
    const once = () => undisturbed(() => meet(t, refusal))
    const met = [await once(), await once(), await once()]
    for (const { text, openAtRepeat, connections } of met) {
      t.same({ text, openAtRepeat, connections }, { text: 'ok', openAtRepeat: 1, connections: 2 }, name)
    }
    // The backoff of at most 20 ms runs beside the disposal.
    const after = median(met.map(({ repeatedAfter }) => repeatedAfter))
    t.ok(after <= 150, `${name}: decided, disposed of and repeated in ${Math.round(after)} ms`)
    const sent = median(met.map(({ sent }) => sent))
    t.ok(sent <= refusal.max, `${name}: ${sent} bytes had left`)
  }
})

t.test('L7: 64 KiB exactly are drained, one byte more costs the connection', async t => {
  for (const [bytes, connections] of [
    [HELD, 1],
    [HELD + 1, 2],
  ] as const) {
    for (const framing of ['length', 'chunked']) {
      const body = 'e'.repeat(bytes)
      const refusal =
        framing === 'length' ? answer(503, body) : `${CHUNKED}${bytes.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      const { text, made } = await undisturbed(async () => {
        const { upstream, daemon, url } = await scene(t, seen => (seen.number === 1 ? refusal : answer(200, 'ok')))
        return { text: (await request(daemon.port, url)).text, made: upstream.connections() }
      })
      t.equal(text, 'ok')
      t.equal(made, connections, `${bytes} bytes, ${framing}`)
    }
  }
})
