import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Asked, Opened } from '../../src/idempotency/asked.js'
import type { Claim } from '../../src/idempotency/claim.js'
import { Claims } from '../../src/idempotency/claims.js'
import { installSecret } from '../../src/idempotency/install-secret.js'
import { keyHintOf, keyPrintOf, lookupOf } from '../../src/idempotency/lookup.js'
import { embeddedStore } from '../../src/store/embedded-store.js'
import { systemClock } from '../../src/time/clock.js'
import { millis } from '../../src/time/units.js'
import { commandLine } from '../support/command-line.js'
import { mulligan } from '../support/mulligan.js'

const CONFIG = 'version: 1\nstate: state\n'
const ANSWER = { status: 201, reason: 'Created', fields: ['Content-Type', 'text/plain'], body: Buffer.from('made') }

/** Claims over the store of a folder with a configuration, as the daemon has them. */
async function daemonIn(dir: string) {
  const state = join(dir, 'state')
  const store = await embeddedStore({ state, name: 'claims', clock: systemClock })
  const secret = await installSecret(store, state)
  const claims = new Claims(store, systemClock, 'test')
  const asked = (key: string, path = '/orders'): Asked => {
    const place = { route: 'pay', origin: 'https://pay.test', method: 'POST' }
    return {
      lookup: lookupOf(secret, { ...place, scope: 'local', path, key }),
      fingerprint: 'f',
      bucket: 'b',
      about: { ...place, keyPrint: keyPrintOf(secret, key), keyHint: keyHintOf(key) },
      rules: {
        ttl: millis(86_400_000),
        in_flight: 'reject',
        body_max: 1_024,
        rate: { per_second: 60, burst: 300 },
        on_uncertain: 'block',
        fingerprint: 'bytes',
        ignore: [],
        scope: [],
        store_4xx: [],
        on_5xx: 'uncertain',
        dialect: 'http',
      },
      uncertain: 'block',
      dueAt: systemClock.monotonic() + 60_000,
    }
  }
  const open = (key: string, path?: string) =>
    new Promise<Opened>(resolve => void claims.open(asked(key, path), resolve))
  const claim = async (key: string, path?: string): Promise<Claim> => {
    const opened = await open(key, path)
    if (opened.kind !== 'claimed') throw new Error(`${key} is ${opened.kind}`)
    return opened.claim
  }
  const close = async () => {
    await claims.close()
    await store.close()
  }
  return { open, claim, close }
}

/** One key in each state that outlives a daemon, and a key that two operations have. */
async function filled(t: Test): Promise<string> {
  const dir = t.testdir({ 'mulligan.yaml': CONFIG })
  const daemon = await daemonIn(dir)
  const done = await daemon.claim('key-that-is-done-0001')
  done.complete(201, ANSWER)
  const long = await daemon.claim('key-of-a-long-answer')
  long.complete(200, undefined)
  const doubt = await daemon.claim('key-in-doubt-canary-1')
  doubt.uncertain()
  for (const path of ['/a', '/b']) {
    const twin = await daemon.claim('twin', path)
    twin.uncertain()
  }
  await daemon.close()
  return dir
}

const refOf = (out: string, hint: string): string => new RegExp(`^([0-9a-f]{12}) .* ${hint}`, 'm').exec(out)?.[1] ?? ''

t.test('I13: idem list tells the state of every key, and no more than 8 characters of it', async t => {
  const dir = await filled(t)
  const { code, out, err } = await commandLine(dir, 'idem list')
  t.same({ code, err }, { code: 0, err: '' })
  t.match(out, /^ref +state +status +request +route +key +since +free in$/m)
  t.match(out, /^[0-9a-f]{12} +completed +201 +POST https:\/\/pay\.test +pay +key-that… +\d+s +(?:1d|23h 59m)$/m)
  t.match(out, /^[0-9a-f]{12} +no-body +200 +POST https:\/\/pay\.test +pay +key-of-a… /m)
  t.match(out, /^[0-9a-f]{12} +uncertain +- +POST https:\/\/pay\.test +pay +key-in-d… /m)
  t.match(out, /^[0-9a-f]{12} +uncertain +- +POST https:\/\/pay\.test +pay +- /m, 'a short key is not shown at all')
  t.match(out, '3 uncertain: each may have been done, and nobody knows.')
  t.notMatch(out, /canary|twin|-0001/, 'a ref may have 0001 in it')

  const some = await commandLine(dir, 'idem list --uncertain --json')
  const entries = JSON.parse(some.out)
  t.equal(entries.length, 3)
  t.match(entries, [{ state: 'uncertain', status: null, route: 'pay', method: 'POST', origin: 'https://pay.test' }])
  t.same(entries.map((entry: { key: string | null }) => entry.key).sort(), ['key-in-d', null, null])
  t.notMatch(some.out, /canary|twin/)
})

t.test('idem show finds a key by its ref, by the beginning of it, and by itself', async t => {
  const dir = await filled(t)
  const ref = refOf((await commandLine(dir, 'idem list')).out, 'key-that…')
  const shown = await commandLine(dir, `idem show ${ref}`)
  t.match(shown.out, /^state +completed: its answer is replayed$/m)
  t.match(shown.out, /^status +201$/m)
  t.equal((await commandLine(dir, `idem show ${ref.slice(0, 6)}`)).code, 0)
  t.match((await commandLine(dir, 'idem show key-that-is-done-0001')).out, `ref      ${ref}`)
  t.equal(JSON.parse((await commandLine(dir, 'idem show twin --json')).out).length, 2)
  const none = await commandLine(dir, 'idem show key-that-never-came')
  t.match(none, { code: 1, out: '', err: /there is no such key or ref/ })
  t.notMatch(none.err, 'never-came')
})

t.test('I12: idem resolve answers the repeats of an uncertain key, or frees it', async t => {
  const dir = await filled(t)
  const resolve = (words: string) => commandLine(dir, `idem resolve ${words}`)
  const [ref] = JSON.parse((await commandLine(dir, 'idem show twin --json')).out)

  t.match(await resolve('twin --executed'), {
    code: 1,
    err: /may mean several: [0-9a-f]{12} \(uncertain\), [0-9a-f]{12}/,
  })
  t.match(await resolve('key-that-is-done-0001 --executed'), {
    code: 1,
    err: /is completed: there is nothing to resolve/,
  })
  t.match(await resolve('key-in-doubt-canary-1 --executed'), { code: 0, out: /^[0-9a-f]{12} was executed\./ })
  t.match(await resolve('key-in-doubt-canary-1 --not-executed'), { code: 1, err: /is no-body: there is nothing/ })
  t.match(await resolve(`${ref.ref} --not-executed --json`), { code: 0 })
  t.match(await resolve('twin --executed'), { code: 0 }, 'one of the two is left')

  const daemon = await daemonIn(dir)
  t.match(await daemon.open('key-in-doubt-canary-1'), { kind: 'no-body' })
  const kinds = [await daemon.open('twin', '/a'), await daemon.open('twin', '/b')].map(({ kind }) => kind)
  t.same(kinds.sort(), ['claimed', 'no-body'])
  await daemon.close()
})

t.test('idem looks into the store of a daemon that runs, and leaves what runs alone', async t => {
  const dir = t.testdir({ 'mulligan.yaml': CONFIG })
  const daemon = await daemonIn(dir)
  const claim = await daemon.claim('key-of-a-running-one')
  const { NODE_OPTIONS: _, ...rest } = process.env
  const idem = (...words: string[]) => mulligan(['idem', ...words], { ...rest, HOME: dir }, '', dir)

  const [entry] = JSON.parse((await idem('list', '--json')).stdout)
  t.match(entry, { state: 'in-flight', key: 'key-of-a', status: null })
  const refused = await idem('resolve', entry.ref, '--not-executed')
  t.match(refused, { code: 1, stderr: /is being sent right now; wait for its end/ })
  claim.complete(201, ANSWER)
  t.match(await daemon.open('key-of-a-running-one'), { kind: 'replay', answer: { body: ANSWER.body } })
  await daemon.close()
})

t.test('idem says what is wrong with words, configuration or store, each with its exit code', async t => {
  const dir = t.testdir({
    'mulligan.yaml': CONFIG,
    'memory.yaml': 'store: memory\n',
    'gone.yaml': 'store: redis://127.0.0.1:1\n',
    'broken.yaml': 'state: broken\n',
    broken: { store: { 'claims.mdb': 'nothing that LMDB wrote' } },
  })
  t.same(await commandLine(dir, 'idem list'), { code: 0, out: 'No keys.\n', err: '' })
  t.notOk(existsSync(join(dir, 'state')), 'looking makes nothing')
  t.match(await commandLine(dir, 'idem show 0123456789ab'), { code: 1, err: /no such key or ref/ })
  const rows: [line: string, code: number, err: RegExp][] = [
    ['idem', 2, /idem needs list\|show KEY\|resolve KEY/],
    ['idem lst', 2, /idem has no "lst", did you mean "list"/],
    ['idem list k', 2, /idem list takes no key/],
    ['idem show', 2, /idem show needs a key, or the ref/],
    ['idem show k --executed', 2, /belong to idem resolve/],
    ['idem show k --uncertain', 2, /belongs to idem list/],
    ['idem resolve k', 2, /needs --executed or --not-executed/],
    ['idem resolve k --executed --not-executed', 2, /needs --executed or --not-executed/],
    ['idem list -c memory.yaml', 3, /store: memory keeps keys in the daemon, and no daemon answers/],
    ['idem list -c gone.yaml', 3, /redis/i],
    ['idem list -c broken.yaml', 1, /^mulligan: the store .*claims\.mdb is damaged; it was left as it is/],
  ]
  for (const [line, code, err] of rows) {
    const said = await commandLine(dir, line)
    t.equal(said.code, code, `${line}: ${said.err}`)
    t.match(said.err, err, line)
    t.equal(said.out, '', line)
  }
})
