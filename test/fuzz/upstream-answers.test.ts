import { connect, type Socket } from 'node:net'
import { test } from 'tap'
import { memoryOf, startChildDaemon } from '../support/child-daemon.js'
import { rawExchange, request } from '../support/client.js'
import { Dice, SEED } from '../support/fuzz.js'
import { PATIENT } from '../support/mulligan.js'
import { oneRoute, scene } from '../support/scene.js'
import { startRawServer } from '../support/tunnel.js'
import { answer } from '../support/upstream.js'

/** ANSWERS=… makes it longer. */
const ANSWERS = Number(process.env['ANSWERS'] ?? 1_000)
const LANES = 8
/** What comes next may meet a connection that is just closing: then it is asked for again. */
const ROUTES = `
routes:
  - { name: next, match: { host: "*", path: /items/clean/** }, retry: { backoff: { base: 1ms, cap: 1ms } }, breaker: off, cooldown: off }
  - { name: all, match: { host: "*" }, retry: off, breaker: off, cooldown: off }
`

const FIELDS = [
  'Server: x',
  'Set-Cookie: a=b',
  'Connection: close',
  'Connection: x-a',
  'X-A: 1',
  'Keep-Alive: timeout=1',
  'Trailer: X-Sum',
  'A: caf\xe9',
  'Retry-After: 1',
  'Content-Encoding: identity',
]
const TRAILERS = ['', '', 'X-Sum: 1\r\n', 'Set-Cookie: a=c\r\n', 'Content-Length: 3\r\nX: y\r\n']
const WORDS = [
  ...['\r\n', '\n', '\r', '\r\n\r\n', ' ', '\t', '\0', ':', ';', '\x0b', '\x85', '0', '5', 'fffffffffffffffff\r\n'],
  ...['Transfer-Encoding: chunked\r\n', 'Transfer-Encoding : chunked\r\n', 'Transfer-Encoding: gzip, chunked\r\n'],
  ...['Content-Length: 3\r\n', 'Content-Length: +3\r\n', 'Content-Length: 3, 3\r\n', ' folded\r\n', '0\r\n\r\n'],
  ...['HTTP/1.0', 'HTTP/2.0', '101', '204', '304', '999', 'A: b\r\n'.repeat(12_000), 'x'.repeat(70_000)],
  ...['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1_000), 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1_000)],
  'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nof nobody',
]

/** What only the answer to this request holds, also when it was damaged. */
const tokenOf = (number: number): string => `<${number}:${(number * 7_919 + 13) % 9_973}>`

/** One answer to the request with this number, damaged or not. */
function answerBytes(dice: Dice, number: number): { readonly text: string; readonly clean: boolean } {
  const body = tokenOf(number).repeat(dice.between(1, 9))
  const interims = dice.list(9, () => dice.pick(['103 Early Hints', '100 Continue', '102 Processing']))
  const fields = dice.list(3, () => dice.pick(FIELDS))
  const at = dice.below(body.length - 1) + 1
  const chunks = [body.slice(0, at), body.slice(at)].map(part => `${part.length.toString(16)}\r\n${part}\r\n`)
  const [framing, sent] = dice.pick([
    [`Content-Length: ${body.length}`, body],
    ['Transfer-Encoding: chunked', `${chunks.join('')}0\r\n${dice.pick(TRAILERS)}\r\n`],
  ])
  const heads = dice.chance(0.3) ? interims.map(status => `HTTP/1.1 ${status}\r\n\r\n`).join('') : ''
  const text = `${heads}HTTP/1.1 200 OK\r\n${[...fields, framing].join('\r\n')}\r\n\r\n${sent}`
  const damaged = dice.chance(0.75) ? dice.mutate(text, WORDS) : text
  return { text: damaged, clean: damaged === text && (heads === '' || interims.length <= 8) }
}

const HEAD =
  /^HTTP\/1\.1 ([1-5]\d\d) [\t\x20-\x7e\x80-\xff]*\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: ?[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n/
const CHUNKS = /^(?:([\da-f]+)\r\n)/i

type Read = { readonly status: number; readonly body: string; readonly whole: boolean }

/** What a strict client reads; a word on what is malformed. @param text all bytes until the close */
function readStrictly(text: string): Read | string {
  const [head, status, fields = ''] = HEAD.exec(text) ?? []
  if (head === undefined) return text === '' ? { status: 0, body: '', whole: false } : 'no head'
  const rest = text.slice(head.length)
  if (Number(status) < 200) return status === '101' ? 'an upgrade' : readStrictly(rest)
  const lengths = fields.match(/^content-length: .*(?=\r$)/gim) ?? []
  const codings = fields.match(/^transfer-encoding: .*(?=\r$)/gim) ?? []
  if (lengths.length + codings.length > 1) return 'framed twice'
  const of = (body: string, whole: boolean): Read => ({ status: Number(status), body, whole })
  if (/^(?:204|304)$/.test(status ?? '')) return rest === '' ? of('', true) : 'a body where none is'
  if (lengths[0] !== undefined) {
    const length = Number(/^content-length: (\d+)$/i.exec(lengths[0])?.[1] ?? Number.NaN)
    return rest.length <= length ? of(rest, rest.length === length) : 'more than its length'
  }
  if (codings[0]?.toLowerCase() !== 'transfer-encoding: chunked') return 'no framing'
  let body = ''
  for (let at = 0; ; ) {
    const [line, digits = ''] = CHUNKS.exec(rest.slice(at)) ?? []
    if (line === undefined) return of(body, false)
    const size = Number.parseInt(digits, 16)
    at += line.length
    if (size === 0) return of(body, /^(?:[\w-]+: .*\r\n)*\r\n$/.test(rest.slice(at)))
    body += rest.slice(at, at + size)
    at += size + 2
  }
}

/** What is wrong with what the client of an answer got. */
function complaint(read: Read | string, number: number, clean: boolean): string | undefined {
  if (typeof read === 'string') return read
  const tokens = [...read.body.matchAll(/<(\d+):\d+>/g)]
  const others = tokens.some(([token, other]) => Number(other) !== number && token === tokenOf(Number(other)))
  if (others) return 'the answer to another request'
  // It was asked for on a connection that was closing.
  if (!clean || (read.status === 502 && read.body.includes('"code":"reset"'))) return undefined
  return read.status === 200 && read.whole && read.body !== '' ? undefined : 'a clean answer was not passed on'
}

test('F09, F10: of a damaged answer a client gets what has one reading, a 502 or a cut, and the next one is its own', async t => {
  t.comment(`${ANSWERS} answers from seed ${SEED}; ANSWERS=… makes more, SEED=… repeats`)
  const play = (number: number, socket: Socket) => {
    const dice = new Dice(SEED + number)
    const { text, clean } = answerBytes(dice, number)
    const bytes = Buffer.from(text, 'latin1')
    // A second answer that comes once the next request is there is that one's answer, to whoever speaks HTTP/1.1.
    const pieces = clean ? dice.pieces(bytes) : [bytes]
    const send = (at: number) => {
      const piece = pieces[at]
      if (socket.destroyed) return
      if (piece !== undefined) socket.write(piece, () => setImmediate(send, at + 1))
      else if (!clean) socket.end()
    }
    send(0)
  }
  const { daemon, url } = await scene(
    t,
    ({ path }, socket) => {
      const number = Number(/(\d+)$/.exec(path)?.[1])
      return path.includes('clean') ? answer(200, tokenOf(number)) : void play(number, socket)
    },
    ROUTES,
  )
  const wrong: string[] = []
  const seen = { passed: 0, refused: 0, cut: 0 }
  const lane = async (first: number) => {
    for (let number = first; number < ANSWERS; number += LANES) {
      const head = `GET ${url}/${number} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
      const received = await rawExchange(daemon.port, head)
      const read = readStrictly(received)
      const { text, clean } = answerBytes(new Dice(SEED + number), number)
      const what = complaint(read, number, clean)
      if (what)
        wrong.push(`SEED=${SEED + number}: ${what}: ${JSON.stringify(received.slice(0, 400))} of ${text.slice(0, 400)}`)
      if (typeof read !== 'string') seen[read.whole ? (read.status >= 500 ? 'refused' : 'passed') : 'cut']++
      const next = await request(daemon.port, `${url}/clean/${number}`)
      if (next.text !== tokenOf(number))
        wrong.push(`SEED=${SEED + number}: the next request got ${next.head} ${next.text}`)
    }
  }
  await Promise.all(Array.from({ length: LANES }, (_, i) => lane(i)))
  t.same(wrong.slice(0, 3), [], `${wrong.length} of ${ANSWERS}`)
  for (const [what, count] of Object.entries(seen)) t.ok(count > ANSWERS / 50, `${count} ${what}`)
})

const CROWD = 200
const KIB = 1_024

test('F10: an answer head that never ends costs less than 256 KiB, until it is refused', {
  skip: memoryOf(process.pid, 'VmRSS') === undefined && 'no /proc/PID/status here',
}, async t => {
  const sockets: Socket[] = []
  const upstream = await startRawServer(t, socket => socket.once('data', () => sockets.push(socket)))
  const yaml = `${PATIENT}${oneRoute('retry: off', 'breaker: off')}`
  const { port, pid } = await startChildDaemon(t, yaml)
  t.equal((await request(port, `http://127.0.0.1:${port}/`)).status >= 400, true)
  const before = memoryOf(pid, 'VmRSS') as number
  const clients = Array.from({ length: CROWD }, () => connect(port, '127.0.0.1'))
  for (const client of clients) client.write(`GET http://${upstream.authority}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
  while (sockets.length < CROWD) await new Promise(resolve => setImmediate(resolve))
  // In small pieces, as a buffer that keeps what it is given would like least.
  for (let piece = 0; piece < 60; piece++) {
    const line = `${piece === 0 ? 'HTTP/1.1 200 OK\r\n' : ''}A: ${'b'.repeat(1_000)}\r\n`
    await Promise.all(sockets.map(socket => new Promise(resolve => socket.write(line, resolve))))
  }
  const each = ((memoryOf(pid, 'VmRSS') as number) - before) / CROWD / KIB
  t.ok(each < 256, `${Math.round(each)} KiB each`)
  const answers = clients.map(
    client => new Promise<string>(resolve => client.once('data', chunk => resolve(String(chunk)))),
  )
  for (const socket of sockets) socket.write(`A: ${'b'.repeat(9_000)}\r\n`)
  const statuses = (await Promise.all(answers)).map(text => text.slice(9, 12))
  t.same([...new Set(statuses)], ['502'])
  for (const client of clients) client.destroy()
})
