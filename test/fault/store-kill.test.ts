import t, { test } from 'tap'
import { openStore } from '../../src/store/open-store.js'
import { systemClock } from '../../src/time/clock.js'
import { seeded } from '../support/random.js'
import { shortDir } from '../support/short-dir.js'
import { startStoreProcess } from '../support/store-process.js'
import { scanned } from '../support/store-work.js'

// Fifty processes, each with a look at what the one before left.
t.setTimeout(120_000)

const KILLS = Number(process.env['KILLS'] ?? 12)
const settings = { kind: 'embedded' } as const

test(`P10: after kill -9 at ${KILLS} random points of writing, every acknowledged update is there, and whole`, async t => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  const state = shortDir(t)
  let acknowledged = -1
  let behind = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const size = Math.floor(random() * 6_000)
    const writer = startStoreProcess(t, 'write', { settings, state, args: [String(size)] })
    await writer.said(1 + Math.floor(random() * 40))
    writer.child.kill('SIGKILL')
    await writer.gone
    t.ok(Number(writer.lines[0]) > acknowledged, `it found ${acknowledged}, and went on with ${writer.lines[0]}`)
    acknowledged = Number(writer.lines.at(-1))
    if (kill % 10 < 9) continue
    const store = await openStore(settings, { state, clock: systemClock, env: {} })
    const last = Number(await store.get('last'))
    // What was written may not have been said yet.
    t.ok(last >= acknowledged && last <= acknowledged + 60, `${acknowledged} was said, ${last} is there`)
    behind += last - acknowledged
    const [left, right] = [await scanned(store, 'left/'), await scanned(store, 'right/')]
    t.equal(left.length, last + 1, 'every one since the first')
    t.strictSame(
      left.map(([key]) => key.slice(5)),
      right.map(([key]) => key.slice(6)),
      'never one of a pair',
    )
    acknowledged = last
    await store.close()
  }
  t.comment(`${acknowledged + 1} updates, ${behind} of them written and not yet said`)
})

test('P10: of updates that share a commit, after kill -9, each that was acknowledged is there, and every one is whole', async t => {
  const state = shortDir(t)
  const said = new Set<string>()
  for (let kill = 0; kill < Math.ceil(KILLS / 3); kill++) {
    const writer = startStoreProcess(t, 'crowd', { settings, state, args: [String(kill * 1_000_000)] })
    await writer.said(1 + Math.floor(Math.random() * 400))
    writer.child.kill('SIGKILL')
    await writer.gone
    for (const line of writer.lines) said.add(line)
  }
  const store = await openStore(settings, { state, clock: systemClock, env: {} })
  const [left, right] = [await scanned(store, 'left/'), await scanned(store, 'right/')]
  await store.close()
  const there = new Set(left.map(([key]) => key.slice(5)))
  t.strictSame(
    [...said].filter(id => !there.has(id)),
    [],
    `${said.size} were said, ${there.size} are there`,
  )
  t.strictSame(
    [...there],
    right.map(([key]) => key.slice(6)),
    'never one of a pair',
  )
})
