import t, { type Test } from 'tap'
import { main } from '../../../src/cli.js'

async function run(t: Test, routes: string, ...words: string[]): Promise<string> {
  const cwd = t.testdir({ 'mulligan.yaml': routes })
  const out: string[] = []
  const output = { write: (text: string) => out.push(text) }
  const code = await main(words, { stdout: output, stderr: output, env: { HOME: cwd }, cwd })
  t.equal(code, 0)
  return out.join('')
}

const ROUTES = `routes:
  - { name: a, match: { host: api.a.test } }
  - { name: b, match: { host: "*.b.test" }, tls: tunnel }
  - { name: rest, match: { host: "*" } }
`

t.test('F4: explain says where TLS is not ended, and only there', async t => {
  const opaque = /note: TLS to this host is not ended here/
  t.notMatch(await run(t, ROUTES, 'explain', 'GET', 'https://api.a.test/'), opaque)
  t.notMatch(await run(t, ROUTES, 'explain', 'GET', 'http://x.b.test/'), opaque)
  t.match(await run(t, ROUTES, 'explain', 'GET', 'https://x.b.test/'), opaque)
  t.match(await run(t, ROUTES, 'explain', 'GET', 'https://other.test/'), opaque)
  t.match(await run(t, `intercept: off\n${ROUTES}`, 'explain', 'GET', 'https://api.a.test/'), opaque)
})

t.test('F4: check names the hosts whose TLS is ended', async t => {
  t.match(await run(t, ROUTES, 'check'), /intercept +api\.a\.test; h2 and http\/1\.1\n/)
  t.match(await run(t, `intercept: { h2: false }\n${ROUTES}`, 'check'), /intercept +api\.a\.test; http\/1\.1\n/)
  t.match(await run(t, `intercept: off\n${ROUTES}`, 'check'), /intercept +off\n/)
  t.match(await run(t, 'routes: [{ name: all, match: { host: "*" } }]\n', 'check'), /intercept +no host/)
  t.match(
    await run(t, 'routes: [{ name: all, match: { host: "*" }, tls: intercept }]\n', 'check'),
    /intercept +any host; h2/,
  )
})
