import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { request, requestBytes } from '../support/client.js'
import { problemOf } from '../support/client-lane.js'
import { seeded } from '../support/random.js'
import { oneRoute, scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script } from '../support/upstream.js'

const RETRY = 'retry: { backoff: { base: 10ms, cap: 20ms } }'

/** Every byte of one answer; the connection is ours to close. */
async function wholeAnswer(port: number, url: string): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  socket.write(requestBytes(url, { fields: ['Connection: close'] }))
  await once(socket, 'close')
  return Buffer.concat(chunks)
}

function split(bytes: Buffer): { line: string; fields: string[]; body: Buffer } {
  const end = bytes.indexOf('\r\n\r\n')
  const [line = '', ...fields] = bytes.toString('latin1', 0, end).split('\r\n')
  return { line, fields, body: bytes.subarray(end + 4) }
}

/** Fields of one hop are each side's own (RFC 9110 §7.6.1). */
const HOP = /^(?:connection|keep-alive|transfer-encoding|via|proxy-status|x-should-retry):/i

t.test('S13, R10: on exhaustion the last answer of the upstream goes out byte for byte', async t => {
  const random = seeded(13)
  const binary = (length: number) => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))
  const bodies = [binary(5_000), binary(5_000), binary(7_000)]
  const fields = (n: number) => [
    'Content-Type: application/problem+json',
    `X-Attempt: ${n}`,
    'set-cookie: a=1; Path=/',
    'SET-COOKIE: b=2',
    'X-Odd:\tvalue with  inner   space',
    'ETag: "x"',
    'x-empty:',
    'Retry-After-Hint: no hint',
    'X-Latin: caf\xe9',
  ]
  const framings: Record<string, (n: number, body: Buffer) => Buffer> = {
    'with a length': (n, body) => raw([...fields(n), `Content-Length: ${body.length}`], body),
    chunked: (n, body) =>
      raw([...fields(n), 'Transfer-Encoding: chunked'], Buffer.concat([hex(body), body, Buffer.from('\r\n0\r\n\r\n')])),
    'until close': (n, body) => raw(fields(n), body),
  }
  for (const [name, make] of Object.entries(framings)) {
    let last: Buffer = Buffer.alloc(0)
    const script: Script = (seen, socket) => {
      const n = seen.number
      last = make(n, bodies[n - 1] as Buffer)
      if (name === 'until close') socket.end(last)
      else socket.write(last)
    }
    const { upstream, daemon, url } = await scene(t, script, oneRoute(RETRY))
    const got = split(await wholeAnswer(daemon.port, url))
    const sent = split(last)
    t.equal(upstream.seen.length, 3, `${name}: three attempts`)
    t.equal(got.line, sent.line, `${name}: the status line, its reason included`)
    t.same(
      got.fields.filter(line => !HOP.test(line)),
      sent.fields.filter(line => !HOP.test(line)).map(line => line.replace(/:[ \t]*/, ': ')),
      `${name}: fields in order, with their case and repeats`,
    )
    const body = got.fields.some(line => /^transfer-encoding: chunked/i.test(line)) ? dechunk(got.body) : got.body
    t.ok(body.equals(bodies[2] as Buffer), `${name}: the body`)
    const own = got.fields.filter(line => /^(?:via|proxy-status|x-should-retry):/i.test(line))
    t.equal(own.length, 3, own.join(' | '))
    t.ok(own.includes('x-should-retry: false'), 'an SDK behind us need not start over')
    t.match(own.join('\n'), /Proxy-Status: mulligan; received-status=503; details="attempts=3;/)
  }
})

function raw(fields: string[], body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`HTTP/1.1 503 Over Capacity\r\n${fields.join('\r\n')}\r\n\r\n`, 'latin1'), body])
}

const hex = (body: Buffer): Buffer => Buffer.from(`${body.length.toString(16)}\r\n`)

function dechunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    if (size === 0) return Buffer.concat(parts)
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 4 + size
  }
}

t.test(
  'R10: tell_client off leaves x-should-retry out, and an upstream that says it itself is not contradicted',
  async t => {
    const silent = 'retry: { backoff: { base: 10ms, cap: 20ms }, tell_client: false }'
    const first = await scene(t, () => answer(503), oneRoute(silent))
    t.equal((await request(first.daemon.port, first.url)).header('x-should-retry'), undefined)
    const second = await scene(t, () => answer(503, '', 'X-Should-Retry: true'))
    const got = await request(second.daemon.port, second.url)
    t.equal(got.head.match(/x-should-retry/gi)?.length, 1)
    t.equal(got.header('x-should-retry'), 'true')
  },
)

t.test('R10: an answer of an earlier attempt wins over the faults of later ones', async t => {
  // A reused connection that dies is repeated once for free (R1).
  const faults: Record<string, { hits: number; fault: Script }> = {
    reset: { hits: 4, fault: (_, socket) => void socket.resetAndDestroy() },
    closed: { hits: 4, fault: (_, socket) => void socket.end() },
    junk: { hits: 3, fault: (_, socket) => void socket.end('SSH-2.0-OpenSSH_9.6\r\n') },
    'no answer': { hits: 3, fault: () => undefined },
  }
  for (const [name, { hits, fault }] of Object.entries(faults)) {
    const script: Script = (seen, socket) =>
      seen.number === 1 ? answer(503, 'the real reason', 'X-Reason: disk') : fault(seen, socket)
    const yaml = oneRoute(RETRY, 'timeout: { total: 2s, per_try: 100ms }')
    const { upstream, got } = await undisturbed(async () => {
      const { upstream, daemon, url } = await scene(t, script, yaml)
      return { upstream, got: await request(daemon.port, url) }
    })
    t.equal(upstream.seen.length, hits, name)
    t.equal(got.status, 503, `${name}: the upstream's own status`)
    t.equal(got.text, 'the real reason', `${name}: its body`)
    t.equal(got.header('x-reason'), 'disk', `${name}: its fields`)
    t.equal(got.header('x-should-retry'), 'false')
  }
})

t.test('R10: an answer that was not kept whole gives way to the last fault', async t => {
  const script: Script = (seen, socket) => {
    if (seen.number === 1) return answer(503, 'e'.repeat(100_000))
    socket.destroy()
    return undefined
  }
  const { daemon, url } = await scene(t, script)
  const got = await request(daemon.port, url)
  t.equal(got.status, 502)
  t.equal(problemOf(got)['outcome'], 'unknown', 'never half a body')
})

t.test('L2, R10: an earlier answer also wins when the deadline or the breaker ends the attempts', async t => {
  const busy: Script = seen => (seen.number === 1 ? answer(503, 'busy') : undefined)
  const got = await undisturbed(async () => {
    const late = await scene(t, busy, oneRoute(RETRY, 'timeout: { total: 200ms, per_try: 5s }'))
    return request(late.daemon.port, late.url)
  })
  t.equal(got.text, 'busy', 'the deadline ended the second attempt')

  const breaker = 'breaker: { failures: 2, ratio: 1, min_requests: 1000, window: 10s, open: 60s }'
  const tripped = await scene(t, seen => answer(503, `busy ${seen.number}`), oneRoute(RETRY, breaker))
  const second = await request(tripped.daemon.port, tripped.url)
  t.equal(tripped.upstream.seen.length, 2, 'the breaker let no third attempt through')
  t.equal(second.text, 'busy 2', "the last answer, not the breaker's")
})
