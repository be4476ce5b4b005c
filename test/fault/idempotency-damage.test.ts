import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { KeyedClient } from '../support/keyed-client.js'
import { bookRoutes } from '../support/kill-storm.js'
import { type LiveDaemon, startLive } from '../support/live-daemon.js'
import { type Home, makeHome, spawnMulligan } from '../support/mulligan.js'
import { type OrderBook, orderText, startOrderBook } from '../support/order-book.js'
import { hasRedis, startRedis } from '../support/redis-server.js'
import { shortDir } from '../support/short-dir.js'

const KEY = 'order-of-before-0001'
const BILLION = 1_000_000_000n

const config = (book: OrderBook, state: string, store = 'embedded'): string =>
  `state: ${state}\nstore: "${store}"\n${bookRoutes(book, 'none')}`

const clientOf = (t: Test, live: LiveDaemon, book: OrderBook): KeyedClient => {
  const client = new KeyedClient(() => [live.port], book.url)
  t.teardown(() => client.close())
  return client
}

type Refused = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** `mulligan start` to its end; a daemon that is ready after all is ended. */
async function start({ env, folder }: Home): Promise<Refused> {
  const child = spawnMulligan(['start', '--listen', '127.0.0.1:0', '--admin', 'off'], {
    env,
    cwd: folder,
    stdio: 'pipe',
  })
  const said = { stdout: '', stderr: '' }
  child.stdout?.on('data', data => {
    said.stdout += String(data)
    if (said.stdout.includes('"ready"')) child.kill('SIGKILL')
  })
  child.stderr?.on('data', data => (said.stderr += String(data)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...said }
}

/** The state of a daemon that took one order and ended in order. */
async function usedState(t: Test, book: OrderBook): Promise<string> {
  const state = shortDir(t)
  const live = await startLive(t, makeHome(t, config(book, state)), 'off')
  t.match(await clientOf(t, live, book).send(live.port, KEY), { status: 201 })
  await live.stop()
  return state
}

const storeFile = (state: string): string => join(state, 'store', 'claims.mdb')
const secretFile = (state: string): string => join(state, 'install.secret')

/** Changes a letter of what every claim says, wherever it stands. */
function flip(file: string): void {
  const bytes = readFileSync(file)
  for (let at = bytes.indexOf('"orders"'); at >= 0; at = bytes.indexOf('"orders"', at)) bytes.write('"urders"', at)
  writeFileSync(file, bytes)
}

test('P10: start refuses a state that cannot be trusted, says what to do, and leaves it as it is', async t => {
  const book = await startOrderBook(t, { dedups: false, takes: 0 })
  const whole = await usedState(t, book)
  const DAMAGED = /claims\.mdb is damaged; it was left as it is; restore it from a backup, or move it away/
  const rows: [what: string, damage: (state: string) => void, said: RegExp][] = [
    ['the first pages of the store', state => truncateSync(storeFile(state), 8_192), DAMAGED],
    ['an empty store', state => truncateSync(storeFile(state), 0), DAMAGED],
    ['a store with another letter', state => flip(storeFile(state)), DAMAGED],
    ['a store of noise', state => writeFileSync(storeFile(state), Buffer.alloc(65_536, 'noise')), DAMAGED],
    [
      'a short secret',
      state => truncateSync(secretFile(state), 10),
      /install\.secret is damaged \(10 bytes.*restore it/,
    ],
    [
      'another secret',
      state => writeFileSync(secretFile(state), Buffer.alloc(32, 1)),
      /is not the secret that the store/,
    ],
    [
      'no secret',
      state => rmSync(secretFile(state)),
      /install\.secret is gone: restore it; or move it and store\/claims/,
    ],
  ]
  for (const [what, damage, said] of rows) {
    const state = shortDir(t)
    cpSync(whole, state, { recursive: true, preserveTimestamps: true })
    damage(state)
    const before = readFileSync(storeFile(state))
    const { code, stdout, stderr } = await start(makeHome(t, config(book, state)))
    t.equal(code, 1, what)
    t.match(stderr, said, what)
    t.match(stderr, /^mulligan: [^\n]+\n$/, `${what}: one line, no stack`)
    t.notMatch(stdout, '"ready"', what)
    if (said === DAMAGED) t.ok(readFileSync(storeFile(state)).equals(before), `${what}: the store is as it was`)
    cpSync(whole, state, { recursive: true })
    const mended = await startLive(t, makeHome(t, config(book, state)), 'off')
    const repeat = await clientOf(t, mended, book).send(mended.port, KEY)
    t.equal(repeat.header('idempotent-replayed'), 'true', `${what}: with what was restored the key is known again`)
    await mended.stop()
  }
  t.equal(book.made(KEY), 1)
})

test('P10: a record that went bad on the disk stops its key alone, before anything is sent', async t => {
  const book = await startOrderBook(t, { dedups: false, takes: 0 })
  const state = await usedState(t, book)
  const file = storeFile(state)
  const { mtimeNs } = statSync(file, { bigint: true })
  flip(file)
  // As a disk does it: nobody wrote, so that the file looks as it was left.
  spawnSync('touch', ['-d', `@${mtimeNs / BILLION}.${String(mtimeNs % BILLION).padStart(9, '0')}`, file])
  t.equal(statSync(file, { bigint: true }).mtimeNs, mtimeNs)
  const live = await startLive(t, makeHome(t, config(book, state)), 'off')
  const client = clientOf(t, live, book)
  t.match(await client.send(live.port, KEY), { status: 503, text: /"code":"store_unavailable"/ })
  t.equal(book.made(KEY), 1)
  t.match(await client.send(live.port, 'order-of-after-00001'), { status: 201 })
})

test('P10: a configuration without keys asks nothing of a damaged store, and reload refuses one with', async t => {
  const book = await startOrderBook(t, { dedups: false, takes: 0 })
  const state = await usedState(t, book)
  truncateSync(storeFile(state), 4_096)
  const home = makeHome(t, `state: ${state}\n`)
  const live = await startLive(t, home, 'off')
  writeFileSync(join(home.folder, 'mulligan.yaml'), config(book, state))
  live.kill('SIGHUP')
  const { report } = await live.said(({ msg }) => msg === 'reload refused, the old configuration stays')
  t.match(report, /claims\.mdb is damaged/)
  t.match(await clientOf(t, live, book).send(live.port, KEY), { status: 201 }, 'it goes on as before')
})

/** A small file system of its own; `undefined` where none can be mounted. */
function mount(t: Test): string | undefined {
  const path = shortDir(t)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path]).status !== 0) {
    t.comment('no file system could be mounted: disks that are full or cannot be written were not tried')
    return undefined
  }
  t.teardown(() => spawnSync('umount', ['-l', path]))
  chmodSync(path, 0o700)
  return path
}

const fill = (path: string): void => {
  spawnSync('dd', ['if=/dev/zero', `of=${join(path, 'ballast')}`, 'bs=4096'], { stdio: 'ignore' })
}

test('P10: start refuses a disk that is full or cannot be written', async t => {
  const book = await startOrderBook(t, { dedups: false, takes: 0 })
  const state = mount(t)
  if (state === undefined) return
  cpSync(await usedState(t, book), state, { recursive: true })
  rmSync(join(state, 'store'), { recursive: true })
  fill(state)
  const full = await start(makeHome(t, config(book, state)))
  t.match(full, { code: 1, stderr: /^mulligan: no room on the disk for the store .*claims\.mdb; free some\n$/ })
  rmSync(join(state, 'ballast'))
  spawnSync('mount', ['-o', 'remount,ro', state])
  const locked = await start(makeHome(t, config(book, state)))
  t.match(locked, { code: 1, stderr: /^mulligan: cannot write the store .*; make its directory writable\n$/ })
})

test('P10: a disk that fills up stops keyed requests before they are sent, and no others', async t => {
  const book = await startOrderBook(t, { dedups: false, takes: 300 })
  const state = mount(t)
  if (state === undefined) return
  const live = await startLive(t, makeHome(t, config(book, state)), 'off')
  const client = clientOf(t, live, book)
  t.equal((await client.send(live.port, KEY)).status, 201)
  const answer = client.send(live.port, 'order-on-its-way-001')
  await book.asked('order-on-its-way-001')
  fill(state)
  t.match(await answer, { status: 201, text: orderText('order-on-its-way-001') }, 'what was sent is answered')
  const refused = []
  for (let n = 0; n < 20; n++) refused.push(await client.send(live.port, `order-without-room-${n}`))
  t.match(refused.at(-1), { status: 503, text: /"code":"store_unavailable"/ })
  t.equal(book.made('order-without-room-19'), 0)
  t.equal((await client.unkeyed(live.port)).status, 201, 'a request without a key goes through')
  rmSync(join(state, 'ballast'))
  t.equal((await client.send(live.port, 'order-without-room-19')).status, 201, 'it mends itself')
  const repeat = await client.send(live.port, 'order-on-its-way-001')
  t.ok([201, 409].includes(repeat.status), `the one on its way: ${repeat.status} ${repeat.text}`)
  t.equal(book.made('order-on-its-way-001'), 1)
})

test('P10: start refuses a Redis that is not there, or lets nobody in', async t => {
  const book = await startOrderBook(t, { dedups: false, takes: 0 })
  const gone = await start(makeHome(t, config(book, shortDir(t), 'redis://127.0.0.1:1')))
  t.match(gone, { code: 3, stderr: /^mulligan: the store redis:\/\/127\.0\.0\.1:1\/0 cannot be reached: .*\n$/ })
  if (!hasRedis(t)) return
  const { port } = await startRedis(t, ['--requirepass', 'open-sesame'])
  const refused = await start(makeHome(t, config(book, shortDir(t), `redis://127.0.0.1:${port}`)))
  t.match(refused, { code: 1, stderr: /^mulligan: the store redis:\/\/127\.0\.0\.1:\d+\/0 refuses us: NOAUTH.*\n$/ })
})
