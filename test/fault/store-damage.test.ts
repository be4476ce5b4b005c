import { copyFileSync, cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test, test } from 'tap'
import { openStore } from '../../src/store/open-store.js'
import { systemClock } from '../../src/time/clock.js'
import { seeded } from '../support/random.js'
import { shortDir } from '../support/short-dir.js'
import { startStoreProcess } from '../support/store-process.js'
import { put, write } from '../support/store-work.js'

// Every look takes two processes.
t.setTimeout(120_000)

const settings = { kind: 'embedded' } as const

/** A state with some history, closed in order. */
async function filled(t: Test): Promise<string> {
  const state = shortDir(t)
  const store = await openStore(settings, { state, clock: systemClock, env: {} })
  const later = Date.now() + 3_600_000
  for (let n = 0; n < 300; n++)
    await write(store, put(`left/${n}`, Buffer.alloc(n * 20, n), { expiresAt: later + n, evictable: n % 3 === 0 }))
  for (let n = 0; n < 300; n += 2) await store.update([`left/${n}`], () => ({ result: 1, deletes: [`left/${n}`] }))
  await store.close()
  return state
}

/** Uses the damaged store in a process of its own. @returns its last words */
async function used(t: Test, state: string, what: string): Promise<string> {
  const file = join(state, 'store', 'claims.mdb')
  const before = readFileSync(file)
  const user = startStoreProcess(t, 'use', { settings, state })
  const { code, signal } = await user.gone
  t.strictSame({ code, signal }, { code: 0, signal: null }, `${what}: it ends by itself`)
  const said = user.lines.at(-1) ?? ''
  t.match(said, /^(?:used \d+|broken: the store .*claims\.mdb)/, what)
  if (/is damaged/.test(said)) {
    t.match(said, /left as it is; restore it from a backup, or move it away/)
    t.ok(readFileSync(file).equals(before), `${what}: nothing was changed`)
  }
  return said
}

test('a file that was cut off is reported, and kills nobody', async t => {
  const state = await filled(t)
  const whole = readFileSync(join(state, 'store', 'claims.mdb')).length
  for (const size of [0, 1, 100, 4_095, 4_096, 8_192, 20_000, whole >> 1, whole - 4_096, whole - 1]) {
    const damaged = shortDir(t)
    cpSync(state, damaged, { recursive: true })
    truncateSync(join(damaged, 'store', 'claims.mdb'), size)
    await used(t, damaged, `cut to ${size} of ${whole}`)
  }
})

test('a file with wrong bytes in 24 places is read or reported, and kills nobody', async t => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32))
  t.comment(`SEED=${seed}`)
  const random = seeded(seed)
  const state = await filled(t)
  const file = join(state, 'store', 'claims.mdb')
  const whole = readFileSync(file)
  let broken = 0
  const TRIES = Number(process.env['TRIES'] ?? 12)
  for (let n = 0; n < TRIES; n++) {
    // Half of them into the first bytes of a page, where its structure is.
    const page = Math.floor((random() * whole.length) / 4_096) * 4_096
    const at = n % 2 === 0 ? page + Math.floor(random() * 64) : Math.floor(random() * whole.length)
    const damaged = Buffer.from(whole)
    damaged.writeUInt8((damaged.readUInt8(at) ^ (1 << Math.floor(random() * 8))) & 0xff, at)
    if (n % 4 === 0) damaged.fill(0xff, at, Math.min(at + 16, damaged.length))
    const other = shortDir(t)
    cpSync(state, other, { recursive: true })
    writeFileSync(join(other, 'store', 'claims.mdb'), damaged)
    if ((await used(t, other, `byte ${at}`)).startsWith('broken')) broken += 1
  }
  t.comment(`${broken} of ${TRIES} were reported`)
})

test('what is no store at all is reported and kept', async t => {
  const state = await filled(t)
  const file = join(state, 'store', 'claims.mdb')
  writeFileSync(file, 'my diary\n'.repeat(2_000))
  copyFileSync(file, `${file}.copy`)
  await t.rejects(openStore(settings, { state, clock: systemClock, env: {} }), {
    trouble: 'broken',
    message: /damaged/,
  })
  t.ok(readFileSync(file).equals(readFileSync(`${file}.copy`)))
  rmSync(file)
  const store = await openStore(settings, { state, clock: systemClock, env: {} })
  await write(store, put('a', 'moved away, it begins anew'))
  await store.close()
})
