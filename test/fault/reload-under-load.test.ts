import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type Answer, request } from '../support/client.js'
import { until } from '../support/crowd.js'
import { startTestDaemon } from '../support/daemon.js'
import { type LiveDaemon, startLive } from '../support/live-daemon.js'
import { keepAliveLane, newTally } from '../support/load-lanes.js'
import { makeHome, PATIENT } from '../support/mulligan.js'
import { shortDir } from '../support/short-dir.js'

const RELOADS = 100
const LANES = 8

/** An upstream that says by which base path it was asked. */
async function startUpstreamOfRoutes(t: Test): Promise<number> {
  const server = createServer((asked, response) => {
    response.writeHead(200, { 'content-length': 2, 'x-route': asked.url?.split('/')[1] ?? '' }).end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** @param version what the upstream will say */
const configuration = (port: number, version: string) => `state: state
listen:
  auth: { username: ann, password: { file: password } }
  allow_from: [127.0.0.0/8]
${PATIENT}routes:
  - name: ${version}
    match: { host: api.test }
    upstream: http://127.0.0.1:${port}/${version}
`

/** Broken in every way that a file can be, and where; the place counts from 1. */
const BROKEN: readonly ((good: string) => [text: string, report: RegExp])[] = [
  good => [`${good}  - { name: [\n`, /mulligan\.yaml:\d+:\d+: not valid YAML/],
  good => [
    good.replace('upstream:', 'upstraem:'),
    /mulligan\.yaml:9:5: routes\.0\.upstraem: .*did you mean "?upstream/,
  ],
  good => [`${good}    retry: { attempts: 0 }\n`, /mulligan\.yaml:10:\d+: routes\.0\.retry\.attempts: /],
  good => [
    good.replace('file: password', 'file: nowhere'),
    /mulligan\.yaml:3:36: listen\.auth\.password: cannot read .*nowhere: ENOENT/,
  ],
]

/** Those of `now` that were not there before: something that ends meanwhile is no leak. */
function beyond(now: readonly string[], before: readonly string[]): string[] {
  const left = [...now]
  for (const one of before) if (left.includes(one)) left.splice(left.indexOf(one), 1)
  return left
}

/** What a process holds that is no connection. */
function openFilesOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap(fd => {
    try {
      const target = readlinkSync(join(folder, fd))
      return target.startsWith('socket:') ? [] : [target.replace(/\d+/g, 'N')]
    } catch {
      return []
    }
  })
}

const token = (folder: string) => readFileSync(join(folder, 'state', 'admin.token'), 'utf8').trim()

/** `POST /v1/reload`. */
const post = ({ admin }: LiveDaemon, folder: string): Promise<Answer> =>
  request(Number(admin.split(':')[1]), '/v1/reload', {
    method: 'POST',
    fields: [`Authorization: Bearer ${token(folder)}`],
    body: '',
  })

test('F7: of 100 reloads under load, half of them of broken files, none fails a request', async t => {
  const upstream = await startUpstreamOfRoutes(t)
  const home = makeHome(t, configuration(upstream, 'v0'))
  writeFileSync(join(home.folder, 'password'), 'secret\n')
  const write = (text: string) => writeFileSync(join(home.folder, 'mulligan.yaml'), text)
  const daemon = await startLive(t, home)
  const tally = newTally()
  let stopped = false
  const moment = {
    get passed() {
      return stopped
    },
    tick: () => undefined,
  }
  const load = Array.from({ length: LANES }, () => keepAliveLane(daemon.port, 'http://api.test/', moment, tally))
  const version = async () => (await request(daemon.port, 'http://api.test/')).header('x-route')
  t.equal(await version(), 'v0')

  let held: string[] = []
  let inForce = 'v0'
  const wrong: string[] = []
  for (let n = 1; n <= RELOADS; n++) {
    const good = configuration(upstream, n % 2 === 0 ? `v${n}` : inForce)
    const [text, report] =
      n % 2 === 0 ? [good, undefined] : (BROKEN[((n - 1) / 2) % BROKEN.length] as (typeof BROKEN)[0])(good)
    write(text)
    if (report === undefined) inForce = `v${n}`
    // By signal and by request in turn: each kind of broken file comes both ways.
    const pair = (n - 1) >> 1
    const bySignal = (pair + (pair >> 2)) % 2 === 0
    if (bySignal) daemon.kill('SIGHUP')
    const answer = bySignal ? undefined : await post(daemon, home.folder)
    const logged = await daemon.next(({ msg }) => msg === 'reloaded' || /^reload refused/.test(String(msg)))
    const said = String(logged['report'])
    if (report === undefined ? logged['msg'] !== 'reloaded' : !report.test(said)) wrong.push(`${n} log: ${said}`)
    if (answer !== undefined && !isRight(answer, report)) wrong.push(`${n} answer: ${answer.status} ${answer.text}`)
    const now = await version()
    if (now !== inForce) wrong.push(`${n}: ${now} is in force, not ${inForce}`)
    if (n === 20) held = openFilesOf(daemon.pid)
  }
  t.strictSame(wrong, [])
  const filesLeft = () => beyond(openFilesOf(daemon.pid), held)
  // One that is read at just this moment is not left over.
  await until(() => filesLeft().length === 0).catch(() => undefined)
  t.strictSame(filesLeft(), [], 'no file, pipe or watcher is left over')
  stopped = true
  daemon.kill('SIGTERM')
  await Promise.all(load)
  t.strictSame(tally.failed, [])
  t.strictSame(await daemon.gone, [0, null])
  t.ok(tally.routes.size > 20, 'requests went by many of the configurations')
  t.comment(`${tally.whole} requests by ${tally.routes.size} configurations`)
  t.notMatch(daemon.printed(), 'secret\\n')
})

const isRight = ({ status, text, header }: Answer, report: RegExp | undefined): boolean => {
  if (report === undefined) return status === 200 && (JSON.parse(text) as { reloaded?: boolean }).reloaded === true
  const { detail } = JSON.parse(text) as { detail?: string }
  return (
    status === 422 &&
    header('content-type')?.startsWith('application/problem+json') === true &&
    report.test(detail ?? '')
  )
}

test('a reload leaves no timer, watcher or socket behind, whether it is taken or not', async t => {
  const folder = shortDir(t)
  const secret = join(folder, 'secret')
  writeFileSync(secret, 'word\n')
  const yaml = (more: string) => `listen: { auth: { username: ann, password: { file: ${secret} } } }
credentials:
  vendor: { source: { file: ${secret} } }
  other: { source: { env: TOKEN } }
telemetry: { otlp: { endpoint: "http://127.0.0.1:9", headers: { x-key: { file: ${more || secret} } } } }
routes:
  - { name: a, match: { host: a.test }, upstream: https://a.test, credential: vendor, idempotency: { upstream: replay } }
  - { name: b, match: { host: b.test }, upstream: https://b.test, credential: other }
`
  const daemon = await startTestDaemon(yaml(''), '127.0.0.1:0', { ...process.env, TOKEN: 'token' })
  t.teardown(() => daemon.close())
  const round = async () => {
    await daemon.reload(yaml(''))
    await t.rejects(daemon.reload(yaml(join(folder, 'nowhere'))), { name: 'SecretError' })
  }
  for (let i = 0; i < 5; i++) await round()
  await new Promise(resolve => setImmediate(resolve))
  const before = process.getActiveResourcesInfo()
  for (let i = 0; i < 45; i++) await round()
  await new Promise(resolve => setImmediate(resolve))
  const left = () => beyond(process.getActiveResourcesInfo(), before)
  // Nor is something that is going on just now.
  await until(() => left().length === 0).catch(() => undefined)
  t.strictSame(left(), [])
})
