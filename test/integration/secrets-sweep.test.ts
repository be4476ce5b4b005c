import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { curlLine } from '../../page/curl.js'
import { harOf } from '../../page/har.js'
import { OPERATIONS, type Operation } from '../../src/admin/operations.js'
import { main } from '../../src/cli.js'
import type { ExchangeDetail } from '../../src/serving/views.js'
import { send } from '../support/admin.js'
import { ENCODINGS, encoded } from '../support/canaries.js'
import { EventReader } from '../support/event-reader.js'
import { askAll, CLIENT, hidden, KINDS, LITERAL, type SecretScene, secretScene, yaml } from '../support/secret-scene.js'

type Surface = readonly [where: string, text: string | Buffer, but?: readonly string[]]

async function adminSurfaces({ daemon, state }: SecretScene, events: EventReader): Promise<Surface[]> {
  const port = Number(daemon.admin.split(':')[1])
  const token = readFileSync(join(state, 'admin.token'), 'utf8').trim()
  const found: Surface[] = []
  const look = async (method: string, path: string, bearer?: string) => {
    const { head, text } = await send(port, path, { method, fields: bearer ? [`Authorization: Bearer ${bearer}`] : [] })
    found.push([`${method} ${path}`, `${head}\n${text}`])
    return text
  }
  for (const { method, path, media } of Object.values<Operation>(OPERATIONS))
    if (method === 'GET' && media !== 'text/event-stream') await look(method, path)
  for (const file of readdirSync(new URL('../../../dist/page/', import.meta.url), { withFileTypes: true }))
    if (file.isFile()) await look('GET', `/page/${file.name}`)
  for (const name of KINDS) await look('POST', `/v1/credentials/${name}/refresh`, token)
  await look('POST', '/v1/reload', CLIENT.admin)
  await look('POST', `/v1/idempotency/${CLIENT.key}/resolve`, token)
  await look('GET', `/v1/${CLIENT.search}?a=${CLIENT.search}`)
  const { exchanges } = JSON.parse(await look('GET', '/v1/exchanges?limit=1000')) as { exchanges: { id: string }[] }
  const doors = {
    proxy: [`http://127.0.0.1:${daemon.port}`],
    mounts: 'same',
    admin: `http://${daemon.admin}`,
    routes: [],
  }
  for (const { id } of exchanges) {
    const detail = JSON.parse(await look('GET', `/v1/exchanges/${id}`)) as ExchangeDetail
    found.push([`curl of ${id}`, curlLine(detail, doors)], [`HAR of ${id}`, JSON.stringify(harOf(detail, '1'))])
  }
  await events.until(({ id }) => id === exchanges[0]?.id)
  found.push(['GET /v1/events', JSON.stringify(events.all)], ['an exchange', exchanges[0]?.id ?? ''])
  return found
}

async function commandSurfaces({ home, daemon }: SecretScene, exchange: string): Promise<Surface[]> {
  const admin = ['--admin', daemon.admin]
  const commands = [
    ['check'],
    ['check', '--json'],
    ['status', ...admin],
    ['status', '--json', ...admin],
    ['explain', 'GET', 'http://127.0.0.1/bearer', '--json'],
    ['explain', '--exchange', exchange, ...admin],
    ['env', '--shell', 'json'],
    ['idem', 'list', '--json'],
    ['idem', 'show', `order---${CLIENT.key}`],
    ['ledger', '--json'],
    ['ledger', '--csv'],
    ['ca', 'show'],
  ]
  const one = async (words: string[], env = home.env): Promise<Surface> => {
    const said: string[] = []
    const stream = { write: (text: string) => said.push(text) }
    await main(words, { stdout: stream, stderr: stream, env, cwd: home.folder })
    return [words.join(' '), said.join('')]
  }
  const redis = join(home.folder, 'redis.yaml')
  const unreachable = { api: 1, tokens: 1, hop: 1, collector: 1 }
  const url = `"redis://bob:${encodeURIComponent(LITERAL.redis)}@127.0.0.1:1/0"`
  writeFileSync(redis, yaml(unreachable, home.folder, url))
  const block = join(home.folder, 'redis-block.yaml')
  writeFileSync(
    block,
    yaml(unreachable, home.folder, '{ url: "redis://127.0.0.1:1/0", password: { env: REDIS_PASSWORD } }'),
  )
  const wrong = join(home.folder, 'wrong.yaml')
  writeFileSync(
    wrong,
    yaml(unreachable, home.folder).replace('client_secret: {', `client_secret: "${LITERAL.wrong}", x: {`),
  )
  const found: Surface[] = []
  // One at a time: a machine of two cores is no faster with all.
  for (const words of commands) found.push(await one(words))
  for (const file of [redis, block, wrong])
    found.push(await one(['check', '--json', '-c', file]), await one(['check', '-c', file]))
  found.push(await one(['idem', 'list', '-c', redis]))
  return found
}

/** Of the daemon and its children: what any process of this user, or of another one, may read. */
function processSurfaces(pid: number): Surface[] {
  const commandOf = (one: string) => readFileSync(`/proc/${one}/cmdline`, 'latin1')
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean)
  return [String(pid), ...children].map(one => [`/proc/${one}/cmdline`, commandOf(one)] as const)
}

/** The session's file holds it for the next run, and the ledger what is signed, until it has ended. */
const AT_REST: Readonly<Record<string, readonly string[]>> = {
  'credentials/session.json': ['rotated refresh token', 'access token of a session'],
  'admin.token': ['admin token'],
  'store/ledger.mdb': ['signed payment'],
}

function filesBelow(folder: string): Surface[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .map(
      path =>
        [path.slice(folder.length + 1), readFileSync(path), AT_REST[path.slice(folder.length + 1)] ?? []] as const,
    )
}

/** What never leaves, is refused at the door, or comes from an upstream. */
const UNSENT = [
  'JWT key',
  'wallet key',
  'keystore key',
  'listen password',
  'keystore password',
  'redis password',
  'argument of a program',
  'path of an RPC URL',
  'redis URL',
  'misplaced',
  'stderr of a program',
  'Proxy-Authorization',
  'userinfo',
  'trailer',
  'malformed field',
  'wrong admin token',
  'malformed answer',
  'admin token',
]

test('T8: the sweep would find each secret in each encoding, in any case', t => {
  let found = 0
  for (const secret of hidden.secrets) {
    for (const encoding of ENCODINGS) {
      const [one] = hidden.in(`{"a":"${encoded(secret, encoding)}"}`)
      if (one === undefined) t.fail(`${encoding} of ${secret}`)
      else found++
    }
  }
  t.equal(found, hidden.secrets.length * ENCODINGS.length)
  t.same(hidden.in('nothing of the kind'), [])
  t.end()
})

test('T8, T19: no secret of any kind is in anything that leaves, stays or is shown, however it is encoded', async t => {
  const all = await secretScene(t)
  const { daemon, home, state } = all
  hidden.add('admin token', readFileSync(join(state, 'admin.token'), 'utf8').trim())
  const events = await EventReader.open(Number(daemon.admin.split(':')[1]))
  t.teardown(() => events.close())
  const heard = await askAll(all)
  const surfaces: Surface[] = heard.own.map((text, i) => [`answer ${i}`, text] as const)
  const payment =
    /payment-signature: (\S+)/i.exec(
      all
        .wire()
        .split('\n')
        .filter(line => !line.includes(CLIENT.payment))
        .join('\n'),
    )?.[1] ?? ''
  hidden.add('signed payment', /"signature":"0x(\w+)"/.exec(Buffer.from(payment, 'base64').toString())?.[1] ?? '')

  const admin = await adminSurfaces(all, events)
  surfaces.push(...admin, ...(await commandSurfaces(all, String(admin.at(-1)?.[1]))))
  writeFileSync(home.env['MULLIGAN_CONFIG'] ?? '', `wallets: { a: { evm: { key: { value: "${LITERAL.wrong}" } } } }`)
  daemon.kill('SIGHUP')
  await daemon.said(({ msg }) => /^reload refused/.test(String(msg)))
  daemon.kill('SIGUSR1')
  daemon.kill('SIGUSR2')
  await daemon.said(({ msg }) => msg === 'bug in mulligan, still serving')
  surfaces.push(...processSurfaces(daemon.pid), ...filesBelow(state), ['OTLP', await all.spans()])
  await daemon.stop()
  surfaces.push(...filesBelow(state), ['stdout and stderr', daemon.printed()])

  const used = hidden.in(all.wire() + heard.others.join('\n')).map(found => found.replace(/ in \w+$/, ''))
  t.same(
    hidden.names.filter(name => !used.includes(name)),
    UNSENT,
    'all others were sent, as they are or encoded',
  )
  let searched = 0
  for (const [where, text, but] of surfaces) {
    searched += text.length
    const found = hidden.in(text, but)
    if (found.length > 0) t.fail(`${where} has ${found.join(', ')}: ${String(text).slice(0, 300)}`)
  }
  t.notMatch(daemon.printed(), /Debugger listening/, 'SIGUSR1 opens no inspector')
  t.comment(
    `${hidden.names.length} secrets in ${ENCODINGS.length} encodings: looked for in ${surfaces.length} places, ${searched} bytes`,
  )
})
