import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { crowd } from '../support/crowd.js'
import { startLive } from '../support/live-daemon.js'
import { type Home, makeHome, mulligan } from '../support/mulligan.js'
import { shortDir } from '../support/short-dir.js'
import { answer, startUpstream, type TestUpstream } from '../support/upstream.js'

// Some twenty starts.
t.setTimeout(180_000)

type Scene = { readonly issuer: TestUpstream; readonly upstream: TestUpstream; readonly state: string }

/** Everything that a daemon keeps below its state: a CA, a session, a ledger, claims, a token of its own. */
const config = ({ issuer, upstream }: Scene, state: string): string => `
state: ${state}
credentials:
  vendor:
    source: { oauth2: { grant: refresh_token, token_url: "${issuer.url}/token", client_id: me, refresh_token: { env: FIRST } } }
    min_interval: 1ms
wallets:
  agent: { evm: { key: { env: WALLET_KEY } }, networks: ["eip155:84532"], assets: [USDC], limits: { per_request: "1 USDC" } }
routes:
  - { name: seller, match: { host: seller.test }, payment: { wallet: agent } }
  - name: items
    match: { host: 127.0.0.1, port: ${upstream.port} }
    credential: vendor
    idempotency: { upstream: none, replay: {} }
`

const homeOf = (t: Test, scene: Scene, state: string): Home => {
  const home = makeHome(t, config(scene, state))
  return { ...home, env: { ...home.env, FIRST: 'first', WALLET_KEY: `0x${'11'.repeat(32)}` } }
}

/** The state of a daemon that has done some of everything, and ended in order. */
async function openScene(t: Test): Promise<Scene> {
  let issued = 0
  const issuer = await startUpstream(() => {
    const body = { access_token: `a${++issued}`, refresh_token: `r${issued}`, token_type: 'Bearer', expires_in: 3600 }
    return answer(200, JSON.stringify(body), 'Content-Type: application/json')
  })
  const upstream = await startUpstream(({ header }) => answer(201, header('authorization') ?? ''))
  t.teardown(() => Promise.all([issuer.close(), upstream.close()]))
  const scene = { issuer, upstream, state: shortDir(t) }
  const live = await startLive(t, homeOf(t, scene, scene.state))
  const options = { method: 'POST', fields: ['Idempotency-Key: order-of-before-0001'], body: 'one' }
  t.match(await request(live.port, `${upstream.url}/items`, options), { status: 201, text: 'Bearer a1' })
  await live.stop()
  return scene
}

const empty = (path: string): void => truncateSync(path, 0)
const cut = (path: string): void => truncateSync(path, Math.ceil(statSync(path).size / 2))
const open = (path: string): void => chmodSync(path, 0o644)
const folder = (path: string): void => {
  rmSync(path)
  mkdirSync(path)
}
/** One bit of the middle; in Base64 and JSON that is another letter. */
const flip = (path: string): void => {
  const bytes = readFileSync(path)
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

type Row = readonly [file: string, damage: (path: string) => void, said: RegExp]

const REFUSED: readonly Row[] = [
  ['ca.key', empty, /ca\.key holds no private key in PEM: put it back, or make a new pair/],
  ['ca.key', cut, /ca\.key holds no private key in PEM: put it back/],
  ['ca.key', flip, /ca\.key (?:is damaged|holds no private key in PEM|is not the key of .*): put/],
  ['ca.key', rmSync, /ca\.pem is there, but its key .*ca\.key is not: put it back/],
  ['ca.key', folder, /cannot read .*ca\.key \(EISDIR\)|ca\.key is open to others/],
  ['ca.key', open, /ca\.key is open to others \(0644\): chmod 600/],
  ['ca.pem', empty, /ca\.pem holds no certificate in PEM: delete it, and the next start issues it again/],
  ['ca.pem', cut, /ca\.pem holds no certificate in PEM: delete it/],
  [
    'ca.pem',
    flip,
    /ca\.pem (?:is damaged|holds no certificate in PEM)|ca\.key is not the key of .*ca\.pem: put the right one back/,
  ],
  ['ca.pem', folder, /cannot read .*ca\.pem \(EISDIR\)/],
  ['store/ledger.mdb', empty, /ledger\.mdb is damaged; it was left as it is; restore it from a backup/],
  ['store/ledger.mdb', cut, /ledger\.mdb is damaged; it was left as it is; restore it from a backup/],
  ['store/ledger.mdb', folder, /ledger\.mdb.*EISDIR|ledger\.mdb/],
  ['install.secret', flip, /install\.secret is not the secret that the store beside it was made with/],
  ['install.secret', open, /install\.secret is open to others \(mode 0644\): chmod 600/],
]

/** A copy of the state with one file damaged. @returns and what that file is now, to be compared */
function damaged(t: Test, whole: string, [file, damage]: Row) {
  const state = shortDir(t)
  cpSync(whole, state, { recursive: true, preserveTimestamps: true })
  const path = join(state, file)
  damage(path)
  const seen = (): string => {
    const found = statSync(path, { throwIfNoEntry: false })
    return found?.isFile() ? readFileSync(path, 'base64') : String(found?.isDirectory())
  }
  return { state, path, before: seen(), seen }
}

test('F25: start refuses a CA, a ledger or a secret that is damaged, with the remedy, and changes nothing of it', async t => {
  const scene = await openScene(t)
  const ca = readFileSync(join(scene.state, 'ca.pem'), 'utf8')
  const key = readFileSync(join(scene.state, 'ca.key'), 'utf8')
  await crowd(REFUSED.length, 2, async n => {
    const row = REFUSED[n] as Row
    const [file, damage, said] = row
    const what = `${file}, ${damage.name}`
    const { state, seen, before } = damaged(t, scene.state, row)
    const { env, folder: cwd } = homeOf(t, scene, state)
    const args = ['start', '--listen', '127.0.0.1:0', '--admin', 'off']
    const { code, stdout, stderr } = await mulligan(args, { ...env }, '', cwd)
    // A CA is for the operator to put right, as a configuration is.
    t.equal(code, file.startsWith('ca.') ? 2 : 1, `${what}: ${stdout}`)
    t.match(stderr, said, what)
    t.match(stderr, /^mulligan: [^\n]+\n$/, `${what}: one line, no stack`)
    t.equal(seen(), before, `${what}: it is as it was`)
    for (const [other, content] of [
      ['ca.pem', ca],
      ['ca.key', key],
    ] as const)
      if (other !== file) t.equal(readFileSync(join(state, other), 'utf8'), content, `${what}: ${other} is as it was`)
  })
})

const NO_SESSION: readonly Row[] = [
  ['credentials/vendor.json', empty, /vendor\.json is damaged: restore it, or remove it to begin with a new login/],
  ['credentials/vendor.json', cut, /vendor\.json is damaged: restore it/],
  ['credentials/vendor.json', flip, /vendor\.json is damaged: restore it/],
  ['credentials/vendor.json', folder, /cannot read .*vendor\.json \(EISDIR\)/],
  ['credentials/vendor.json', open, /vendor\.json is open to others \(mode 0644\): chmod 600/],
]

test('F25: a damaged session stops its credential alone, is kept, and the first refresh token is not spent instead', async t => {
  const scene = await openScene(t)
  await crowd(NO_SESSION.length, 2, async n => {
    const row = NO_SESSION[n] as Row
    const what = `${row[0]}, ${row[1].name}`
    const { state, seen, before } = damaged(t, scene.state, row)
    const calls = scene.issuer.seen.length
    const live = await startLive(t, homeOf(t, scene, state), 'off')
    t.match(await request(live.port, `${scene.upstream.url}/items`), { status: 503, text: /token_unavailable/ }, what)
    await live.said(record => row[2].test(JSON.stringify(record)))
    t.equal(scene.issuer.seen.length, calls, `${what}: nobody was asked for a token`)
    t.equal(seen(), before, `${what}: it is as it was`)
    await live.stop()
  })
})

const NO_TOKEN: readonly Row[] = [
  ['admin.token', empty, /it holds no token of 32 or more/],
  ['admin.token', cut, /it holds no token of 32 or more/],
  ['admin.token', folder, /it is no file/],
  ['admin.token', open, /others may read or write it; chmod 600/],
]

test('F25: a damaged admin token allows nothing, is said at the start, and kept; requests go on', async t => {
  const scene = await openScene(t)
  await crowd(NO_TOKEN.length, 2, async n => {
    const row = NO_TOKEN[n] as Row
    const what = `${row[0]}, ${row[1].name}`
    const { state, path, seen, before } = damaged(t, scene.state, row)
    const live = await startLive(t, homeOf(t, scene, state))
    const { reason, file } = await live.said(({ msg }) => String(msg).startsWith('the admin token is of no use'))
    t.match(String(reason), row[2], what)
    t.equal(file, path)
    t.equal((await request(live.port, `${scene.upstream.url}/items`)).status, 201, what)
    t.equal(seen(), before, `${what}: it is as it was`)
    await live.stop()
  })
})

test('F25: where the state cannot be written, what needs no writing goes on, and start says what does', async t => {
  const scene = await openScene(t)
  const state = shortDir(t)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', state]).status !== 0) {
    t.comment('no file system could be mounted: a state that cannot be written was not tried')
    return
  }
  t.teardown(() => spawnSync('umount', ['-l', state]))
  cpSync(scene.state, state, { recursive: true, preserveTimestamps: true })
  spawnSync('mount', ['-o', 'remount,ro', state])
  const home = homeOf(t, scene, state)
  const refused = await mulligan(
    ['start', '--listen', '127.0.0.1:0', '--admin', 'off'],
    { ...home.env },
    '',
    home.folder,
  )
  t.match(refused, { code: 1, stderr: /cannot write the store .*\.mdb; make its directory writable\n$/ })
  const config = readFileSync(home.env['MULLIGAN_CONFIG'] ?? '', 'utf8')
  writeFileSync(home.env['MULLIGAN_CONFIG'] ?? '', config.replace('state:', 'store: memory\nstate:'))
  const live = await startLive(t, home)
  t.equal((await request(live.port, `${scene.upstream.url}/items`)).status, 201)
  await live.said(record => /cannot lock .*vendor\.json \(EROFS\)/.test(JSON.stringify(record)))
  await live.said(record => /cannot write .*vendor\.json \(EROFS\)/.test(JSON.stringify(record)))
  await live.stop()
})
