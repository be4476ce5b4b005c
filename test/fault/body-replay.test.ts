import { fstatSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { request } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { oneRoute, scene } from '../support/scene.js'
import { afterReading, digestOf, received, startReceiver, upload } from '../support/upload.js'
import { answer } from '../support/upstream.js'

const MIB = 1_048_576
const SIZE = 50_000_000
const DIGEST = digestOf(SIZE)
const KEEP_ALL = 'body: { memory: 1MiB, spill: 64MiB }'

/** An upstream that refuses with 429 after some bytes of the body, then takes it; and a daemon in front. */
async function refusingOnce(t: Test, refuseAfter: number, yaml: string) {
  const taken: Record<string, unknown>[] = []
  const upstream = await startReceiver(async (seen, reply, number) => {
    if (number === 1) {
      afterReading(seen, refuseAfter, () => {
        reply.writeHead(429, { 'Retry-After': '0' }).end('not yet')
        seen.resume()
      })
      return
    }
    const { digest, bytes } = await received(seen)
    const { 'content-length': length, 'transfer-encoding': coding } = seen.headers
    taken.push({ digest, bytes, length, coding, trailers: seen.rawTrailers })
    reply.end('taken')
  })
  const daemon = await startTestDaemon(yaml)
  t.teardown(async () => {
    await upstream.close()
    await daemon.close()
  })
  return { upstream, daemon, taken }
}

t.test('L5: 50 MB refused before they were read arrive whole, byte for byte, in the same framing', async t => {
  const trailers = { 'X-Checksum': 'abc', 'X-Second': 'def' }
  const rawTrailers = ['X-Checksum', 'abc', 'X-Second', 'def']
  const rows = [
    { name: 'at the head, with a length', refuseAfter: 0, framing: 'length' },
    { name: 'after 5 MB, with a length', refuseAfter: 5_000_000, framing: 'length' },
    { name: 'after 300 kB, which memory holds', refuseAfter: 300_000, framing: 'length' },
    { name: 'after 5 MB, chunked with trailers', refuseAfter: 5_000_000, framing: 'chunked', trailers },
    { name: 'when all was read, chunked with trailers', refuseAfter: SIZE, framing: 'chunked', trailers },
  ] as const
  for (const { name, refuseAfter, ...how } of rows) {
    const { upstream, daemon, taken } = await refusingOnce(t, refuseAfter, oneRoute(KEEP_ALL))
    let peak = 0
    const onBlock = () => {
      peak = Math.max(peak, daemon.daemon.holds().bodyMemory)
    }
    const got = await upload(daemon.port, upstream.url, SIZE, { ...how, onBlock })
    t.equal(got.text, 'taken', name)
    t.equal(upstream.hits(), 2)
    const chunked = how.framing === 'chunked'
    const framing = { length: chunked ? undefined : String(SIZE), coding: chunked ? 'chunked' : undefined }
    t.strictSame(taken, [{ digest: DIGEST, bytes: SIZE, ...framing, trailers: chunked ? rawTrailers : [] }], name)
    t.ok(peak <= MIB, `${name}: never more than body.memory is held: ${peak}`)
    t.equal(daemon.daemon.holds().bodyMemory, 0, 'and nothing afterwards')
    t.same(readdirSync(join(daemon.state, 'tmp')), [], 'nor a file')
  }
})

t.test('L3: what outgrows memory is in a private file that has no name', { skip: noDescriptors() }, async t => {
  const { upstream, daemon } = await refusingOnce(t, 5_000_000, oneRoute(KEEP_ALL))
  const modes = new Set<string>()
  let names = 0
  const onBlock = () => {
    for (const fd of readdirSync('/proc/self/fd')) {
      if (!linkOf(fd).startsWith(`${daemon.state}/tmp/body-`)) continue
      const { mode, nlink } = fstatSync(Number(fd))
      modes.add(`${(mode & 0o777).toString(8)}, ${nlink} names`)
    }
    names += readdirSync(join(daemon.state, 'tmp')).length
  }
  const got = await upload(daemon.port, upstream.url, 8_000_000, { framing: 'length', onBlock })
  t.equal(got.text, 'taken')
  t.same([...modes], ['600, 0 names'])
  t.equal(names, 0, 'nothing to be seen in the directory at any time')
})

function noDescriptors(): string | false {
  try {
    readdirSync('/proc/self/fd')
    return false
  } catch {
    return 'no /proc/self/fd here'
  }
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

t.test('L3: a body over the caps flows once, and why it was not repeated is said', async t => {
  const yaml = oneRoute('body: { memory: 64KiB, spill: 64KiB }')
  const upstream = await startReceiver(async (seen, reply) => {
    const { digest } = await received(seen)
    reply.writeHead(503, { 'Retry-After': '0' }).end(digest)
  })
  const daemon = await startTestDaemon(yaml)
  t.teardown(async () => {
    await upstream.close()
    await daemon.close()
  })
  for (const framing of ['length', 'chunked'] as const) {
    const got = await upload(daemon.port, upstream.url, MIB, { framing })
    t.equal(got.status, 503, framing)
    t.equal(got.text, digestOf(MIB), `${framing}: every byte of it arrived`)
    t.match(got.headers['proxy-status'], /mulligan; .*retry=off; reason=body-not-kept/, framing)
    t.equal(daemon.daemon.holds().bodyMemory, 0)
  }
  t.equal(upstream.hits(), 2, 'each was sent once')
  const records = await daemon.logged(2)
  t.same(
    records.map(({ attempts }) => attempts.map(({ why }) => why)),
    [['body-not-kept'], ['body-not-kept']],
    'the log says so too',
  )
})

t.test('L3: without a place for the file the body still flows', async t => {
  const { upstream, daemon, taken } = await refusingOnce(t, SIZE, oneRoute(KEEP_ALL))
  rmSync(join(daemon.state, 'tmp'), { recursive: true })
  const refused = await upload(daemon.port, upstream.url, SIZE, { framing: 'length' })
  t.equal(refused.status, 429, 'it was read to its end once')
  t.match(refused.headers['proxy-status'], /reason=body-not-kept/)
  t.equal((await upload(daemon.port, upstream.url, SIZE, { framing: 'length' })).text, 'taken')
  t.match(taken, [{ digest: DIGEST }])
})

t.test('L3: exchanges share one memory; beyond it the file takes over, and nothing is lost', async t => {
  const yaml = `limits: { body_memory_total: 1MiB }\n${oneRoute(KEEP_ALL, 'cooldown: off')}`
  let peak = 0
  const seen = new Map<string, number>()
  const { upstream, daemon } = await scene(
    t,
    ({ path }) => {
      peak = Math.max(peak, daemon.daemon.holds().bodyMemory)
      seen.set(path, (seen.get(path) ?? 0) + 1)
      return seen.get(path) === 1 ? answer(429, '', 'Retry-After: 0') : answer(200, 'ok')
    },
    yaml,
  )
  const body = 'x'.repeat(400_000)
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, i) => request(daemon.port, `${upstream.url}/${i}`, { method: 'POST', body })),
  )
  t.same(
    all.map(got => got.text),
    Array(8).fill('ok'),
  )
  t.ok(upstream.seen.every(request => request.body.equals(Buffer.from(body))))
  t.ok(peak > 0 && peak <= MIB, `${peak} bytes at most`)
  t.equal(daemon.daemon.holds().bodyMemory, 0)
})
