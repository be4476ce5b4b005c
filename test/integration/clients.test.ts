import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { scene } from '../support/scene.js'
import { answer } from '../support/upstream.js'

const run = promisify(execFile)

async function installed(command: string): Promise<boolean> {
  try {
    await run(command, ['--version'])
    return true
  } catch {
    return false
  }
}

/** An API that is down for the first request to each path. */
async function flaky(t: Test) {
  const known = new Set<string>()
  return scene(t, seen => {
    const first = !known.has(seen.path)
    known.add(seen.path)
    return first
      ? answer(503, 'down', 'Retry-After: 0')
      : answer(200, `${seen.method} ${seen.body}`, 'Content-Type: text/plain')
  })
}

const skip = async (command: string) => ((await installed(command)) ? {} : { skip: `${command} is not installed` })

test(
  'curl with http_proxy set is answered at the second try, with and without a tunnel',
  await skip('curl'),
  async t => {
    const { upstream, daemon, url } = await flaky(t)
    const env = { PATH: process.env['PATH'] ?? '', http_proxy: daemon.url, HTTPS_PROXY: daemon.url, no_proxy: '' }
    const curl = async (...args: string[]) => (await run('curl', ['-sS', '--max-time', '10', ...args], { env })).stdout
    t.equal(await curl(`${url}/get`), 'GET ')
    t.equal(await curl('-X', 'PUT', '-d', 'hello', `${url}/put`), 'PUT hello')
    t.equal(await curl('-p', `${url}/tunnel`), 'GET ')
    t.equal(await curl('--http2', `${url}/h2c`), 'GET ')
    t.equal(
      await curl('-X', 'PUT', '-H', 'Expect: 100-continue', '-d', 'waited for', `${url}/expect`),
      'PUT waited for',
    )
    t.equal(await curl('-X', 'PUT', '-H', 'Transfer-Encoding: chunked', '-d', 'chunks', `${url}/chunked`), 'PUT chunks')
    t.match(await curl('-I', `${url}/head`), /^HTTP\/1\.1 200 /)
    t.equal(
      await curl('-X', 'POST', '-d', 'once', `${url}/post`),
      'POST once',
      'a 503 with Retry-After was not applied',
    )
    t.equal(upstream.seen.length, 16, 'each was asked twice')
  },
)

test('Python urllib with http_proxy set is answered at the second try', await skip('python3'), async t => {
  const { upstream, daemon, url } = await flaky(t)
  const script =
    'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode(), end="")'
  const env = { PATH: process.env['PATH'] ?? '', http_proxy: daemon.url, no_proxy: '' }
  const { stdout } = await run('python3', ['-c', script, `${url}/urllib`], { env })
  t.equal(stdout, 'GET ')
  t.equal(upstream.seen.length, 2)
})
