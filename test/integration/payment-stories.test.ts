import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { test } from 'tap'
import { type Answer, readAnswer } from '../support/client.js'
import { crowd, until } from '../support/crowd.js'
import { UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { seeded } from '../support/random.js'
import { blocks, digestOf } from '../support/upload.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'
import { paidScene, payingDaemon, WAYS } from '../support/x402/paid-scene.js'
import type { PaidServerOptions } from '../support/x402/paid-server.js'
import { isPaid, ownLines, REFUSAL, startUnreadSeller } from '../support/x402/scripted-seller.js'
import { PRICE, payer } from '../support/x402/shop.js'

// The stories that paying clients are known to fail in, told over real sockets.

const MEGABYTES = 5
const BYTES = MEGABYTES * 1_048_576

/** The long form: CYCLES=10000 ANSWERS=10000. */
const CYCLES = Number(process.env['CYCLES'] ?? 500)
const ANSWERS = Number(process.env['ANSWERS'] ?? 400)

/** A POST whose body is made while it is sent, as fast as it is taken, and goes on after an early answer. */
async function streamUp(socket: Socket, target: string, framing: 'chunked' | 'length', bytes = BYTES): Promise<Answer> {
  const answered = readAnswer(socket, 'POST')
  const host = target.startsWith('/') ? 'api.test' : new URL(target).host
  const length = framing === 'length' ? `Content-Length: ${bytes}` : 'Transfer-Encoding: chunked'
  socket.write(`POST ${target} HTTP/1.1\r\nHost: ${host}\r\n${length}\r\n\r\n`)
  for (const block of blocks(bytes)) {
    const parts = framing === 'length' ? [block] : [`${block.length.toString(16)}\r\n`, block, '\r\n']
    const taken = parts.map(part => socket.write(part)).every(Boolean)
    if (!taken && !socket.destroyed) await drained(socket)
  }
  if (framing === 'chunked') socket.write('0\r\n\r\n')
  const got = await answered
  socket.destroy()
  return got
}

/** It takes more, or never will. */
const drained = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    const done = () => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })

const tlsFor = (way: string) => (way === 'plain' ? undefined : UPSTREAM_CERTIFICATE)
const upstreamFor = (way: string) => (way === 'plain' ? {} : { tls: UPSTREAM_CERTIFICATE })

const UNREAD: readonly [name: string, refuse: (socket: Socket) => void][] = [
  ['and reads no more', socket => void socket.write(REFUSAL)],
  ['and closes', socket => void socket.end(REFUSAL)],
]

/** A 402 whose connection is of no use afterwards, and one for comparison. */
const LAST_WORDS: readonly ((socket: Socket) => unknown)[] = [
  socket => socket.end(REFUSAL.replace('\r\n', '\r\nConnection: close\r\n')),
  socket => socket.write(REFUSAL),
  socket => socket.end(REFUSAL.replace('Content-Length: 2', 'Connection: close')),
  socket =>
    socket.end(
      REFUSAL.replace('Content-Length: 2', 'Transfer-Encoding: chunked').replace('{}', '2\r\n{}\r\n0\r\n\r\n'),
    ),
]

const program = (source: string, timeout = '10s') =>
  `{ exec: { command: [${JSON.stringify(process.execPath)}, -e, ${JSON.stringify(source)}], timeout: ${timeout} }, address: "${payer.address}" }`

const FAILING: readonly [name: string, evm: string][] = [
  ['exit code 1', program('process.exit(1)')],
  ['no signature', program("console.log('0x1234')")],
  ['signed by another key', program(`console.log('0x${'11'.repeat(64)}1b')`)],
  ['too slow', program('setInterval(() => undefined, 1000)', '300ms')],
]

for (const way of WAYS) {
  for (const framing of ['chunked', 'length'] as const) {
    test(`P1: unread streaming body, ${framing}, ${way}: the paid request carries every byte of it`, async t => {
      const page: PaidServerOptions['page'] = (_, response, { body }) =>
        response.send(createHash('sha256').update(body).digest('hex'))
      const { shop, open, urlOf, words } = await paidScene(t, way, { shop: { page } })
      const got = await streamUp(await open(), urlOf('/paid'), framing)
      t.equal(got.status, 200, words().join(' '))
      t.equal(got.text, digestOf(BYTES), 'what the seller has is what was sent')
      t.same(await shop.moved(), { paid: PRICE, earned: PRICE, payments: 1 })
      t.equal(shop.server.runs.length, 1, 'and the page ran once')
    })

    for (const [name, refuse] of UNREAD) {
      test(`L5: 402 before the body is read ${name}, ${framing}, ${way}: every byte is sent again`, async t => {
        const seller = await startUnreadSeller(t, refuse, tlsFor(way))
        const { open, urlOf, words } = await payingDaemon(t, seller.port, way)
        const got = await streamUp(await open(), urlOf('/paid'), framing)
        t.equal(got.status, 200, words().join(' '))
        t.equal(got.text, digestOf(BYTES))
        t.equal(seller.paid(), 1)
      })
    }
  }

  test(`L7: 402 connection closed before the paid attempt, ${way}: ${CYCLES} cycles leave no socket behind`, async t => {
    let refused = 0
    const script: Script = (seen, socket) => {
      if (isPaid(seen)) return answer(200, seen.path)
      LAST_WORDS[refused++ % LAST_WORDS.length]?.(socket)
      return undefined
    }
    const seller = await startUpstream(script, upstreamFor(way))
    t.teardown(() => seller.close())
    const { ask, daemon } = await payingDaemon(t, seller.port, way)
    let most = 0
    const statuses = await crowd(CYCLES, 16, async n => {
      const got = await ask(`/paid?n=${n}`)
      most = Math.max(most, seller.open())
      return got.status
    })
    t.same(new Set(statuses), new Set([200]))
    const payments = new Set(seller.seen.map(({ header }) => header('payment-signature')))
    // A line that the seller closed just now costs another presentation, never another payment.
    t.equal(payments.size, CYCLES + 1, 'one payment each, and none')
    t.ok(most <= 64, `${most} sockets at most, ${seller.connections()} in all`)
    await until(() => seller.open() === daemon.daemon.holds().upstreamConnections)
    t.ok(seller.open() <= 32, `${seller.open()} are left, all of them in the pool`)
  })

  for (const [name, evm] of FAILING) {
    test(`L10: signing failure, ${name}, ${way}: the original 402 byte for byte, after one call`, async t => {
      const seller = await startUpstream(() => REFUSAL, upstreamFor(way))
      t.teardown(() => seller.close())
      const { ask, words } = await payingDaemon(t, seller.port, way, { evm })
      const got = await ask('/paid')
      t.same(words(), ['signing-failed'])
      t.equal(seller.seen.length, 1)
      t.strictSame(ownLines(got.head), ownLines(REFUSAL.slice(0, REFUSAL.indexOf('\r\n\r\n'))))
      t.equal(got.text, '{}')
    })
  }

  test(`P1: ${ANSWERS} answers that are no 402 pass untouched byte for byte, ${way}`, async t => {
    const random = seeded(402)
    const replies = Array.from({ length: ANSWERS }, () => anyAnswer(random))
    const script: Script = ({ path }, socket) => {
      const { head = '', pieces = [], close } = replies[Number(path.slice(1))] ?? {}
      socket.write(`${head}\r\n\r\n`, 'latin1')
      for (const piece of pieces) socket.write(piece)
      if (close) socket.end()
      return undefined
    }
    const seller = await startUpstream(script, upstreamFor(way))
    t.teardown(() => seller.close())
    const { ask, words } = await payingDaemon(t, seller.port, way, { route: ['retry: off', 'breaker: off'] })
    const unlike: unknown[] = []
    await crowd(ANSWERS, 8, async n => {
      const reply = replies[n]
      const got = await ask(`/${n}`)
      const isLike = got.body.equals(reply?.body ?? Buffer.of(0)) && !got.broken
      if (!isLike || `${ownLines(got.head)}` !== `${ownLines(reply?.head ?? '')}`)
        unlike.push([n, got.head, reply?.head])
    })
    t.same(unlike, [])
    t.equal(seller.seen.length, ANSWERS)
    t.same(words(), [], 'and no payment was thought of')
  })
}

const STATUSES = [200, 201, 204, 206, 301, 304, 400, 401, 403, 404, 409, 418, 422, 429, 500, 502, 503, 599]

/** Anything a server may answer but 402: even what would be an offer if it were one. */
function anyAnswer(random: () => number) {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
  const status = pick(STATUSES)
  const hasBody = status !== 204 && status !== 304
  const body = Buffer.from(Array.from({ length: hasBody ? Math.floor(random() * 5_000) : 0 }, () => random() * 256))
  const framing = hasBody ? pick(['length', 'chunked', 'close'] as const) : 'none'
  const names = ['X-Odd', 'x-odd', 'PAYMENT-RESPONSE', 'Content-Type', 'Set-Cookie', 'ETag', 'Retry-After']
  const fields = Array.from(
    { length: Math.floor(random() * 6) },
    () => `${pick(names)}: v${Math.floor(random() * 1e9)}`,
  )
  if (random() < 0.3) fields.push(...REFUSAL.split('\r\n').filter(line => line.startsWith('PAYMENT-REQUIRED')))
  if (framing === 'length') fields.push(`Content-Length: ${body.length}`)
  if (framing === 'chunked') fields.push('Transfer-Encoding: chunked')
  if (framing === 'close') fields.push('Connection: close')
  const head = [`HTTP/1.1 ${status} ${pick(['OK', 'Fine So Far', 'No'])}`, ...fields].join('\r\n')
  return { head, body, pieces: framing === 'chunked' ? inChunks(body, random) : [body], close: framing === 'close' }
}

function inChunks(body: Buffer, random: () => number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < body.length; ) {
    const chunk = body.subarray(at, at + 1 + Math.floor(random() * 900))
    pieces.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'))
    at += chunk.length
  }
  return [...pieces, Buffer.from('0\r\n\r\n')]
}
