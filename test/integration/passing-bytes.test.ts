import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'tap'
import { receiveInto } from '../../src/listener/accepted-read.js'
import { FastConnection } from '../../src/listener/fast-connection.js'
import { SharedRead } from '../../src/wire/shared-read.js'
import { type Answer, readAnswer, requestBytes } from '../support/client.js'
import { until } from '../support/crowd.js'
import { oneRoute, scene } from '../support/scene.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

/** Each four bytes say whose they are and where they belong. */
function bodyOf(owner: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil(length / 4) * 4)
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32BE(((owner << 20) | (at >> 2)) >>> 0, at)
  return bytes.subarray(0, length)
}

/** The first byte that is another, and where; undefined when all are as they were sent. */
function firstWrong(seen: Buffer, wanted: Buffer): string | undefined {
  if (seen.equals(wanted)) return undefined
  const at = wanted.findIndex((byte, i) => seen[i] !== byte)
  return `${seen.length} bytes of ${wanted.length}, another from ${at}`
}

/** Reads a little at a time. */
function slowly(socket: Socket): Socket {
  return socket.on('data', () => {
    socket.pause()
    setImmediate(() => socket.resume())
  })
}

const FRAMINGS = ['length', 'chunked', 'close'] as const
const LENGTHS = [65_536, 900_001, 5_000, 300_000, 8_192, 8_193, 131_072, 20_000]

/** `/OWNER/LENGTH/FRAMING/PIECE`: that body in pieces of so many bytes. */
const giving: Script = async ({ path }, socket) => {
  const [, owner, length, framing, piece] = path.split('/')
  const body = bodyOf(Number(owner), Number(length))
  const field = {
    length: `Content-Length: ${length}`,
    chunked: 'Transfer-Encoding: chunked',
    close: 'Connection: close',
  }
  socket.write(`HTTP/1.1 200 OK\r\n${field[framing as (typeof FRAMINGS)[number]]}\r\n\r\n`)
  for (let at = 0; at < body.length; at += Number(piece)) {
    const part = body.subarray(at, at + Number(piece))
    if (framing === 'chunked') socket.write(`${part.length.toString(16)}\r\n`)
    const more = socket.write(part)
    if (framing === 'chunked') socket.write('\r\n')
    if (!more) await once(socket, 'drain')
  }
  if (framing === 'chunked') socket.write('0\r\n\r\n')
  if (framing === 'close') socket.end()
  return undefined
}

const CLIENTS = Array.from({ length: 12 }, (_, owner) => owner)

for (const lane of ['fast', 'node:http'] as const) {
  const listen = `listen: { fast_lane: ${lane === 'fast'} }\n`

  test(`answers of many connections at once arrive byte for byte, read slowly or not: ${lane}`, async t => {
    const { daemon, upstream } = await scene(t, giving, `${listen}${oneRoute('retry: off')}`)
    const wrong = await Promise.all(
      CLIENTS.map(async owner => {
        const socket = connect(daemon.port, '127.0.0.1')
        if (owner % 3 === 0) slowly(socket)
        const found: (string | undefined)[] = []
        for (const [i, length] of LENGTHS.entries()) {
          const framing = FRAMINGS[(owner + i) % 3]
          const piece = [65_536, 1_000_000, 9_000, 700][(owner + i) % 4]
          const answered = readAnswer(socket)
          socket.write(requestBytes(`${upstream.url}/${owner}/${length}/${framing}/${piece}`))
          found.push(firstWrong((await answered).body, bodyOf(owner, length)))
        }
        socket.destroy()
        return found
      }),
    )
    t.strictSame(
      wrong.flat().filter(one => one !== undefined),
      [],
    )
  })

  for (const [what, body] of [
    ['kept for repetition', 'body: { memory: 4MiB, spill: 0B }'],
    ['kept in memory and a file', 'body: { memory: 32KiB, spill: 4MiB }'],
    ['not kept', 'body: { memory: 1KiB, spill: 0B }'],
  ] as const) {
    test(`bodies of many connections at once are sent byte for byte, ${what}: ${lane}`, async t => {
      const asked = new Set<string>()
      const script: Script = ({ method, path, body: seen }) => {
        const [, owner, length] = path.split('/').map(Number) as [number, number, number]
        const isAgain = asked.has(path)
        asked.add(path)
        if (method === 'PUT' && !isAgain && what !== 'not kept') return answer(503, 'once more')
        return answer(200, firstWrong(seen, bodyOf(owner, length)) ?? '')
      }
      const onConnection = (socket: Socket, number: number) => void (number % 2 === 0 && slowly(socket))
      const retry =
        'retry: { attempts: 2, budget: { ratio: 1, min_per_second: 1000 }, backoff: { base: 1ms, cap: 2ms } }'
      const yaml = `${listen}${oneRoute(retry, body, 'breaker: off', 'cooldown: off')}`
      const { daemon, upstream } = await scene(t, script, yaml, { onConnection })
      const wrong = await Promise.all(
        CLIENTS.map(async owner => {
          const socket = connect(daemon.port, '127.0.0.1')
          const found: string[] = []
          for (const [i, length] of LENGTHS.entries()) {
            const answered = readAnswer(socket)
            const options = { method: i % 2 === 0 ? 'PUT' : 'POST', body: bodyOf(owner, length) }
            const bytes = requestBytes(`${upstream.url}/${owner}/${length}`, options)
            // The head and a little of the body, and the rest behind it.
            socket.write(bytes.subarray(0, (owner * 700) % bytes.length))
            if (owner % 4 === 0) await new Promise(resolve => setImmediate(resolve))
            socket.write(bytes.subarray((owner * 700) % bytes.length))
            const { status, body: said } = await answered
            if (status !== 200 || said.length > 0) found.push(`${status} ${said}`)
          }
          socket.destroy()
          return found
        }),
      )
      t.strictSame(wrong.flat(), [])
    })
  }
}

test('an answer that is read before it is judged is whole, although its connection read on into the same memory', async t => {
  const script: Script = async ({ path }, socket) => {
    if (path === '/other') return answer(200, 'other')
    if (path !== '/judged') return void (await giving({ path } as Parameters<Script>[0], socket))
    const [first, second] = [JUDGED.subarray(0, 30_000), JUDGED.subarray(30_000)]
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${JUDGED.length}\r\n\r\n`
    socket.write(Buffer.concat([Buffer.from(head), first]))
    // When this is answered the daemon has read what came before it.
    await roundTrip()
    socket.write(second)
    return undefined
  }
  const { daemon, upstream } = await scene(t, script, oneRoute('classify: [json_rpc]'))
  const other = connect(daemon.port, '127.0.0.1')
  const roundTrip = async (): Promise<Answer> => {
    const answered = readAnswer(other)
    other.write(requestBytes(`${upstream.url}/other`))
    return answered
  }
  const socket = connect(daemon.port, '127.0.0.1')
  t.teardown(() => [socket, other].forEach(one => void one.destroy()))
  await roundTrip()
  // From its second large read on, a connection has a block of its own.
  for (const path of ['/1/200000/length/65536', '/judged']) {
    const answered = readAnswer(socket)
    socket.write(requestBytes(`${upstream.url}${path}`))
    const { body } = await answered
    t.equal(firstWrong(body, path === '/judged' ? JUDGED : bodyOf(1, 200_000)), undefined, path)
  }
})

const JUDGED = Buffer.from(
  JSON.stringify({ jsonrpc: '2.0', id: 1, result: [...bodyOf(1, 15_000).toString('hex')].join('-') }),
)

test('an accepted socket reads into memory that it is given, on this Node', {
  skip: process.platform === 'win32',
}, async t => {
  const seen: string[] = []
  let memory: Buffer | undefined
  const upstream = await startUpstream(() => '', {
    onConnection: socket => {
      const receive = (chunk: Buffer) => seen.push(String(chunk)) > 0
      memory = new SharedRead(receive, () => undefined).buffer()
      t.ok(receiveInto(socket, receive))
      socket.once('end', () => socket.destroy())
    },
  })
  t.teardown(upstream.close)
  const socket = connect(upstream.port, '127.0.0.1')
  await pipeline(Readable.from(['hello']), socket)
  await once(socket, 'close')
  t.strictSame(seen, ['hello'])
  t.equal(memory?.toString('latin1', 0, 5), 'hello')
})

test('what goes over to node:http with its connection is not overwritten by the next read of another', async t => {
  const left: Socket[] = []
  const server = createServer(socket => {
    const connection = new FastConnection(socket, {
      headMax: 1_000,
      closes: () => false,
      serve: () => undefined,
      leave: () => {
        socket.unshift(connection.release())
        socket.pause()
        left.push(socket)
      },
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const sent = ['A'.repeat(500), 'B'.repeat(500)].map(letters => `${letters}\r\n\r\n`)
  for (const [i, text] of sent.entries()) {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.write(text)
    await until(() => left.length > i)
  }
  t.strictSame(
    left.map(socket => String(socket.read())),
    sent,
  )
})

test('a connection that changes hands again and again is read by the last, and listened to as if it were the first', {
  skip: process.platform === 'win32',
}, async t => {
  const listening: number[] = []
  const seen: string[] = []
  const server = createServer(socket => {
    t.teardown(() => socket.destroy())
    for (let i = 0; i < 5; i++) {
      const leave = () => undefined
      new FastConnection(socket, { headMax: 1_000, closes: () => false, serve: () => undefined, leave }).release()
      listening.push(socket.listenerCount('close'))
    }
    receiveInto(socket, chunk => seen.push(String(chunk)) > 0)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write('hello')
  await until(() => seen.length > 0)
  t.strictSame(seen, ['hello'])
  t.strictSame(new Set(listening).size, 1)
})

test('what was read ahead is still its own after a bug in whoever was told of what came before it', async t => {
  const targets: string[] = []
  const accepted: Socket[] = []
  const server = createServer(socket => {
    new FastConnection(socket, {
      headMax: 1_000,
      closes: () => false,
      serve: (connection, head) => {
        connection.answered(false)
        if (targets.push(head.target) === 1) throw new Error('a bug')
      },
      leave: () => socket.destroy(),
    })
    surviving(socket)
    accepted.push(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const clients = ['a', 'b'].map(() => connect((server.address() as AddressInfo).port, '127.0.0.1'))
  t.teardown(() => clients.forEach(client => void client.destroy()))
  const [first, second] = clients as [Socket, Socket]
  const request = (letter: string) => `GET http://x/${letter.repeat(50)} HTTP/1.1\r\nHost: x\r\n\r\n`
  first.write(request('1') + request('2').slice(0, -2))
  await until(() => targets.length > 0)
  second.write(request('3') + request('4'))
  await until(() => targets.length > 2)
  first.write('\r\n')
  await until(() => targets.length > 3 || accepted.some(({ destroyed }) => destroyed))
  t.match(targets[3], '2'.repeat(50))
})

/** As in the daemon, a bug ends neither process nor socket. */
function surviving(socket: Socket): void {
  const slot = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kBufferCb')
  const slots = socket as unknown as Record<symbol, ((length: number, buffer: Buffer) => boolean) | null>
  const told = slot && slots[slot]
  if (slot === undefined || !told) return
  slots[slot] = (length, buffer) => {
    try {
      return told(length, buffer)
    } catch {
      return true
    }
  }
}
