import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { formatListenAddress } from '../../src/config/listen-address.js'
import { request } from '../support/client.js'
import { commandLine } from '../support/command-line.js'
import { startTestDaemon } from '../support/daemon.js'
import { shortDir } from '../support/short-dir.js'
import { answer, type Script, startUpstream, thoughtOver } from '../support/upstream.js'

const YAML = `routes: [{ name: vendor, match: { host: 127.0.0.1 }, retry: { backoff: { base: 10ms, cap: 20ms } } }]\n`

/** A daemon that was asked once, and the command that explains what it did. */
async function scene(t: Test, script: Script, ask: { path: string; method?: string; fields?: string[] }) {
  const upstream = await startUpstream(script)
  t.teardown(() => upstream.close())
  const daemon = await startTestDaemon(YAML, '127.0.0.1:0', process.env, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  const { path, ...options } = ask
  await request(daemon.port, `${upstream.url}${path}`, options)
  const [record] = await daemon.logged(1)
  const folder = shortDir(t)
  const admin = daemon.daemon.admin
  const explain = (id: string, yaml = YAML, ...words: string[]) => {
    writeFileSync(join(folder, 'mulligan.yaml'), yaml)
    const where = admin === undefined ? 'off' : formatListenAddress(admin)
    return commandLine(folder, ['explain', '--exchange', id, '--admin', where, ...words])
  }
  return { id: record?.id ?? '', explain, url: upstream.url }
}

const flaky: Script = ({ number }) =>
  [answer(503), answer(429, '', 'Retry-After-Ms: 30'), answer(200, 'at last')][number - 1] ?? answer(500)

test('explain --exchange says what was done at each attempt and why, and that it would be done again', async t => {
  const { id, explain, url } = await scene(t, flaky, { path: '/items?token=canary' })
  const { code, out, err } = await explain(id)
  t.equal(code, 0, err)
  t.match(out, `GET ${url}/items?…`)
  t.match(out, new RegExp(`^exchange ${id} at \\d{4}-.*Z, route vendor, \\d+ms$`, 'm'))
  t.match(out, /^1\. +503 +repeated (?:at once|after \d+ms) +status: the status is on the list$/m)
  t.match(out, /^2\. +429 +repeated after \d+ms +retry-after: the upstream says when$/m)
  t.match(out, /^3\. +200 +gave back +final: nothing to do about this answer$/m)
  t.match(out, /client got +200 +the upstream's own answer$/m)
  t.match(out, /^Route vendor of the configuration here would decide the same\.$/m)
  t.notMatch(out, /canary/)
})

test('explain --exchange marks what the configuration here would decide otherwise', async t => {
  const { id, explain } = await scene(t, flaky, { path: '/items' })
  const off = await explain(id, YAML.replace('retry: {', 'retry: { attempts: 1,'))
  t.match(off.out, /^ +now: give back +attempts-exhausted: no try is left$/m)
  t.match(off.out, 'would decide 2 of 3 otherwise')
  const other = await explain(id, YAML.replace('name: vendor', 'name: new'))
  t.match(other.out, /note: then it was route "vendor"; by the configuration here "new" takes it/)
  const none = await explain(id, YAML.replace('127.0.0.1', 'x.example'))
  t.match(none.out, /by the configuration here no route takes it[\s\S]*Without a route would decide 2 of 3 otherwise/)
})

test('explain --exchange of a POST whose connection broke says why it was not sent again, as JSON too', async t => {
  const reset: Script = (_, socket) => void socket.destroy()
  const fields = ['Authorization: Bearer canary', 'X-Private: canary']
  const { id, explain } = await scene(t, reset, { path: '/orders', method: 'POST', fields })
  const { out } = await explain(id)
  t.match(out, /^1\. +connection_terminated \(reset\) +gave back +unsafe-to-repeat: it may have been applied/m)
  t.match(out, /client got +502 +it ended with: /)
  const json = await explain(id, YAML, '--json')
  t.match(JSON.parse(json.out), {
    exchange: { id, method: 'POST', status: 502 },
    route: 'vendor',
    notes: [],
    attempts: [{ n: 1, phase: 'reset', act: 'give-back', why: 'unsafe-to-repeat', same: true }],
  })
  t.notMatch(out + json.out, /canary/)
})

test('explain --exchange tells an unknown id, a missing daemon and wrong words apart', async t => {
  const { explain } = await scene(t, () => answer(200), { path: '/' })
  const unknown = await explain('nobody/..')
  t.match(unknown, { code: 1, out: '', err: /knows no exchange "nobody\/\.\.": .*latest 1,000.*its log has a record/ })
  const folder = shortDir(t)
  const away = await commandLine(folder, 'explain --exchange a-1 --admin 127.0.0.1:1')
  t.match(away, { code: 3, out: '', err: /no daemon answers on 127\.0\.0\.1:1/ })
  const rows: [string, RegExp][] = [
    ['explain', /explain needs METHOD URL, or --exchange ID/],
    ['explain GET', /explain needs METHOD URL, or --exchange ID/],
    ['explain GET http://x.example/ --json', /--json belongs to --exchange/],
    ['explain GET --exchange a-1', /--exchange takes a request that was; drop "GET"/],
    ['explain --answers 503 --exchange a-1', /--exchange takes a request that was; drop "answers"/],
  ]
  for (const [line, message] of rows) t.match(await commandLine(folder, line), { code: 2, err: message }, line)
})

test('explain --exchange of a renewed token says so, and what a configuration without the credential would do', async t => {
  const upstream = await startUpstream(({ number }) => (number === 1 ? thoughtOver(answer(401)) : answer(200)))
  t.teardown(() => upstream.close())
  const program = JSON.stringify([process.execPath, '-e', 'console.log("canary-" + process.hrtime.bigint())'])
  const plain = `routes: [{ name: vendor, match: { host: 127.0.0.1, port: ${upstream.port} } }]\n`
  const yaml = `credentials: { bank: { source: { exec: { command: ${program} } }, min_interval: 1ms } }\n${plain.replace('} }]', '}, credential: bank }]')}`
  const daemon = await startTestDaemon(yaml, '127.0.0.1:0', { PATH: process.env['PATH'] }, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  t.equal((await request(daemon.port, `${upstream.url}/`, { method: 'POST', body: 'x' })).status, 200)
  const [record] = await daemon.logged(1)
  const { admin } = daemon.daemon
  const folder = shortDir(t)
  const explain = (text: string) => {
    writeFileSync(join(folder, 'mulligan.yaml'), text)
    const where = admin === undefined ? 'off' : formatListenAddress(admin)
    return commandLine(folder, ['explain', '--exchange', record?.id ?? '', '--admin', where])
  }
  const { out } = await explain(yaml)
  t.match(out, /^1\. +401 +repeated (?:at once|after \S+) +token-renewed: there is a new token\n2\. +200 +gave back/m)
  t.match(out, 'would decide the same.')
  t.match(
    (await explain(plain)).out,
    /now: give back +final: nothing to do about this answer\n[\s\S]*decide 1 of 2 otherwise/,
  )
  t.notMatch(out, /canary/)
})
