import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { until } from '../support/crowd.js'
import { ask, http2Session } from '../support/http2-client.js'
import { firstThatRuns, goSource, httpxSource, output, startRelay } from '../support/http2-programs.js'
import { apiRoute, type InterceptedScene, interceptedScene } from '../support/intercepted.js'
import { shortDir } from '../support/short-dir.js'
import { answer } from '../support/upstream.js'

type Bench = InterceptedScene & { readonly dir: string; readonly caFile: string }

/** An upstream that refuses each path once, and then echoes the body. */
async function refusingScene(t: Test): Promise<Bench> {
  const refused = new Set<string>()
  const scene = await interceptedScene(
    t,
    ({ path, body }) => {
      if (refused.has(path)) return answer(200, `${path} ${body}`)
      refused.add(path)
      return answer(429, 'once more', 'Retry-After: 0')
    },
    port => apiRoute(port, 'cooldown: off').replace('retry: {', 'retry: { budget: { min_per_second: 1000 },'),
  )
  const dir = shortDir(t)
  const caFile = join(dir, 'ca.pem')
  writeFileSync(caFile, scene.ca())
  return { ...scene, dir, caFile }
}

/** Why a test cannot be run; false when it can. */
const lacking = async (...command: string[]): Promise<string | false> =>
  (await firstThatRuns(command)) === undefined && `no ${command[0]}`

const curl = await lacking('curl', '--http2', '--version')
const probe = ['-c', 'import h2, httpx']
const python = await firstThatRuns(['python3', ...probe], ['/usr/bin/python3', ...probe])

const FIFTY = Array.from({ length: 50 }, (_, i) => i)

test('curl speaks HTTP/2 through an intercepted tunnel, several requests on one connection', {
  skip: curl,
}, async t => {
  const { daemon, caFile, dir } = await refusingScene(t)
  const urls = FIFTY.map(i => `https://api.test/${i}`)
  const text = await output(
    dir,
    ...['curl', '-sS', '--http2', '-x', daemon.url, '--cacert', caFile, '--parallel', '--parallel-max', '50'],
    ...['-w', '\n%{http_version} %{response_code} %{num_connects}\n', '-d', 'hello', ...urls],
  )
  t.equal(text.match(/^2 200 \d$/gm)?.length, 50)
  for (const i of FIFTY) t.ok(text.includes(`/${i} hello`), `/${i}`)
  t.ok((await daemon.logged(50)).every(({ attempts }) => attempts.length === 2))
})

test('curl waits for a 100 in HTTP/2 as it does in HTTP/1.1', { skip: curl }, async t => {
  const { daemon, caFile, dir } = await refusingScene(t)
  const text = await output(
    dir,
    ...['curl', '-sS', '--http2', '-x', daemon.url, '--cacert', caFile, '-H', 'Expect: 100-continue', '-i'],
    ...['-d', 'a'.repeat(2_000), 'https://api.test/'],
  )
  t.match(text, /^HTTP\/2 100 \r\n\r\nHTTP\/2 200 \r\n/m)
  t.ok(text.includes('a'.repeat(2_000)))
})

test('httpx sends fifty requests at once over HTTP/2', {
  skip: python === undefined && 'no Python with httpx and h2',
}, async t => {
  const { daemon, caFile, dir } = await refusingScene(t)
  const text = await output(dir, String(python), httpxSource(dir), daemon.url, caFile)
  t.same(
    text.trim().split('\n'),
    FIFTY.map(i => `HTTP/2 200 /${i} body ${i}`),
  )
})

test('Go sends fifty requests at once over HTTP/2', { skip: await lacking('go', 'version') }, async t => {
  const { daemon, caFile, dir } = await refusingScene(t)
  const text = await output(dir, 'go', 'run', goSource(dir), daemon.url, caFile)
  t.same(
    text.trim().split('\n'),
    FIFTY.map(i => `HTTP/2.0 200 /${i} body ${i}`),
  )
  // Its connection went with it, of which the daemon may hear after us.
  await until(() => daemon.daemon.holds().clients === 0)
})

test('node:http2 sends fifty requests at once', async t => {
  const scene = await refusingScene(t)
  const session = await http2Session(t, scene)
  const answers = await Promise.all(FIFTY.map(i => ask(session, { ':method': 'PUT', ':path': `/${i}` }, `body ${i}`)))
  t.same(
    answers.map(({ text }) => text),
    FIFTY.map(i => `/${i} body ${i}`),
  )
})

test('nghttp sees heads, bodies and trailers as RFC 9113 wants them', {
  skip: await lacking('nghttp', '--version'),
}, async t => {
  const scene = await interceptedScene(
    t,
    () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n',
  )
  const port = await startRelay(t, scene.daemon.port, 'api.test:443')
  const text = await output(
    shortDir(t),
    'nghttp',
    '-v',
    '--no-dep',
    '-H:authority: api.test',
    `https://127.0.0.1:${port}/`,
  )
  t.match(text, /:status: 200/)
  t.match(text, /recv \(stream_id=\d+\) x-sum: 7/)
  t.notMatch(text, /RST_STREAM|error_code=(?!NO_ERROR)/)
})

test('h2load loses none of two thousand requests over one connection', {
  skip: await lacking('h2load', '--version'),
}, async t => {
  const scene = await interceptedScene(t, () => answer(200, 'ok'))
  const port = await startRelay(t, scene.daemon.port, 'api.test:443')
  const text = await output(
    shortDir(t),
    ...['h2load', '-n', '2000', '-c', '1', '-m', '100', '-H:authority: api.test', `https://127.0.0.1:${port}/`],
  )
  t.match(text, /2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout/)
  t.match(text, /status codes: 2000 2xx/)
})

test('intercept.h2: false offers HTTP/1.1 alone', { skip: curl }, async t => {
  const scene = await interceptedScene(
    t,
    () => answer(200, 'ok'),
    port => `${apiRoute(port)}intercept: { h2: false }\n`,
  )
  const dir = shortDir(t)
  const caFile = join(dir, 'ca.pem')
  writeFileSync(caFile, scene.ca())
  const args = ['-sS', '--http2', '-x', scene.daemon.url, '--cacert', caFile, '-w', ' %{http_version}']
  t.equal(await output(dir, 'curl', ...args, 'https://api.test/'), 'ok 1.1')
})
