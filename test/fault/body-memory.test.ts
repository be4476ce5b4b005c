import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { memoryOf, startChildDaemon } from '../support/child-daemon.js'
import { oneRoute } from '../support/scene.js'
import { afterReading, digestOf, received, startReceiver, upload } from '../support/upload.js'

const MIB = 1_048_576
const SIZE = 50_000_000
const noProc = memoryOf(process.pid, 'VmHWM') === undefined && 'no /proc/PID/status here'

/** Refuses every first upload to a path after so many bytes, takes the second; `/plain` is taken at once. @param status of the refusal */
const refusingFirst = (refuseAfter: number, status = 429) => {
  const asked = new Set<string>()
  return startReceiver(async (seen, reply) => {
    const first = !asked.has(seen.url ?? '') && seen.url !== '/plain'
    asked.add(seen.url ?? '')
    if (!first) return void reply.end((await received(seen)).digest)
    afterReading(seen, refuseAfter, () => {
      reply.writeHead(status, { 'Retry-After': '0' }).end()
      seen.resume()
    })
  })
}

const FRAMINGS = ['length', 'chunked'] as const

/** Whatever passes through `node:http`, V8 lets some 32 MiB of spent read buffers lie before it collects them: that is no cost of keeping. */
async function passBoth(port: number, url: string): Promise<void> {
  for (const framing of FRAMINGS) await upload(port, `${url}/plain`, SIZE, { framing })
}

t.test(
  'L3: a 50 MB upload that is repeated costs body.memory and 16 MiB at most beside one that is not',
  { skip: noProc },
  async t => {
    const upstream = await refusingFirst(100_000)
    t.teardown(upstream.close)
    const { port, pid, state } = await startChildDaemon(
      t,
      oneRoute('body: { memory: 1MiB, spill: 64MiB }', 'cooldown: off'),
    )
    await passBoth(port, upstream.url)
    const before = memoryOf(pid, 'VmHWM') as number
    for (const framing of FRAMINGS) {
      const got = await upload(port, `${upstream.url}/${framing}`, SIZE, { framing })
      t.equal(got.text, digestOf(SIZE), framing)
    }
    const growth = (memoryOf(pid, 'VmHWM') as number) - before
    t.ok(growth <= MIB + 16 * MIB, `the peak rose by ${(growth / MIB).toFixed(1)} MiB`)
    t.same(readdirSync(join(state, 'tmp')), [], 'no file is left')
  },
)

t.test(
  'T2: a 50 MB upload that is refused with 401 in the middle costs no more than that',
  { skip: noProc },
  async t => {
    const upstream = await refusingFirst(5_000_000, 401)
    let calls = 0
    const issuer = await startReceiver((_, reply) => {
      reply.writeHead(200, { 'Content-Type': 'application/json' })
      reply.end(JSON.stringify({ access_token: `token-${++calls}`, token_type: 'Bearer', expires_in: 3_600 }))
    })
    t.teardown(() => Promise.all([upstream.close(), issuer.close()]))
    const source = `source: { oauth2: { token_url: "${issuer.url}/token", client_id: me, client_auth: none } }`
    const { port, pid, state } = await startChildDaemon(
      t,
      `credentials: { vendor: { min_interval: 1ms, ${source} } }
routes: [{ name: api, match: { host: 127.0.0.1 }, credential: vendor, body: { memory: 1MiB, spill: 64MiB } }]
`,
    )
    await passBoth(port, upstream.url)
    const before = memoryOf(pid, 'VmHWM') as number
    for (const framing of FRAMINGS) {
      const got = await upload(port, `${upstream.url}/${framing}`, SIZE, { framing })
      t.equal(got.text, digestOf(SIZE), framing)
    }
    const peak = memoryOf(pid, 'VmHWM') as number
    t.comment(`peak ${(peak / MIB).toFixed(1)} MiB; it rose by ${((peak - before) / MIB).toFixed(1)} MiB`)
    t.ok(peak - before <= MIB + 16 * MIB, 'the peak rose by body.memory and 16 MiB at most')
    t.equal(calls, 3, 'one at first, one for each refusal')
    t.same(readdirSync(join(state, 'tmp')), [], 'no file is left')
  },
)

t.test(
  'L3: on a full disk the body still flows, and cannot be repeated',
  { skip: process.platform === 'win32' },
  async t => {
    const upstream = await refusingFirst(10_000_000)
    t.teardown(upstream.close)
    // No file of this process may outgrow 1 MiB: the same error at the same call as a disk that is full. What the test
    // runner puts into its children listens for the signal of that limit, and would end the daemon with it.
    const { port } = await startChildDaemon(
      t,
      oneRoute('body: { memory: 64KiB, spill: 64MiB }', 'cooldown: off'),
      'unset NODE_OPTIONS; ulimit -f 2048;',
    )
    const url = `${upstream.url}/full`
    const refused = await upload(port, url, 10_000_000, { framing: 'length' })
    t.equal(refused.status, 429, "the upstream's own answer")
    t.match(refused.headers['proxy-status'], /reason=body-not-kept/)
    const got = await upload(port, url, 10_000_000, { framing: 'length' })
    t.equal(got.text, digestOf(10_000_000), 'the next one flows once, whole')
  },
)
