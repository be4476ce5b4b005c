import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test, test } from 'tap'
import { embeddedStore } from '../../src/store/embedded-store.js'
import { ManualClock } from '../support/clock.js'
import { type Court, openCourt } from '../support/crash-court.js'
import { Disk, type Loss } from '../support/disk-images.js'
import { canTrace, recordDisk } from '../support/disk-recording.js'
import { pick, seeded } from '../support/random.js'
import { shortDir } from '../support/short-dir.js'
import { put, write } from '../support/store-work.js'
import { printOf } from '../support/witness.js'

/**
 * The power fails at a write: what was flushed before is there, and of the rest any sectors, in any order. The disk is
 * simulated: what a process really did to its file is recorded, and each image is opened by the store itself.
 */

/** Images of a file with flushed commits only; the long form: IMAGES=6000. Of the other kind, which is looked through first, a tenth. */
const IMAGES = Number(process.env['IMAGES'] ?? 200)
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

t.setTimeout(200_000 + IMAGES * 300)

type Verdict = { readonly moment: number; readonly loss: string; readonly disk: Disk } & (
  | { readonly state: number; readonly differences: string }
  | { readonly trouble: string }
)

type Trial = { readonly file: string; readonly work: string; readonly images: number; readonly isTrusted: boolean }

/** Judges as many images, at moments all over a recording of the crash program. @returns how many moments there were */
async function fail(t: Test, trial: Trial, onVerdict: (verdict: Verdict) => void): Promise<number> {
  const { file, work, images, isTrusted } = trial
  const random = seeded(seed)
  const steps = Math.max(12, Math.round(images / 20))
  const events = recordDisk(t, `store/${file}`, work, steps, seed)
  const moments = events.filter(({ kind }) => kind !== 'said').length
  const court = openCourt(t)
  const disk = new Disk()
  for (const [moment, event] of events.entries()) {
    if (!disk.play(event)) continue
    for (let share = images / moments; share > random(); share--) {
      const loss = randomLoss(random)
      const verdict = await judge(court, disk, loss.loss, isTrusted)
      onVerdict({ moment, loss: loss.name, disk, ...verdict })
    }
  }
  return moments
}

async function judge(court: Court, disk: Disk, loss: Loss | undefined, isTrusted: boolean) {
  const image = loss === undefined ? disk.whole() : disk.after(loss)
  const finding = await court.judge(image, disk.testimony.now, isTrusted || loss === undefined)
  if ('trouble' in finding) return finding
  const found = new Map(finding.found)
  return { state: disk.testimony.stateOf(found), differences: disk.testimony.differences(found) }
}

/** Some of what was not flushed, by sectors of either size; now and then all of it, as after kill -9. */
function randomLoss(random: () => number): { readonly name: string; readonly loss: Loss | undefined } {
  if (random() < 0.15) return { name: 'nothing', loss: undefined }
  const sector = pick(random, [512, 4_096])
  const share = pick(random, [0, 0.2, 0.5, 0.8, 0.95])
  const grows = random() < 0.5
  return { name: `${1 - share} of ${sector}`, loss: { sector, has: () => random() < share, grows } }
}

test('F26: a ledger has every acknowledged purchase after a loss of power at any write, whatever the disk kept of the rest', async t => {
  if (!canTrace(t)) return
  t.comment(`SEED=${seed}`)
  const wrong: string[] = []
  let images = 0
  const moments = await fail(t, { file: 'ledger.mdb', work: 'buy', images: IMAGES, isTrusted: true }, verdict => {
    const { moment, loss, disk } = verdict
    images++
    if ('trouble' in verdict) return void wrong.push(`moment ${moment}, lost ${loss}: ${verdict.trouble}`)
    const { acknowledged } = disk.testimony
    if (verdict.state < acknowledged)
      wrong.push(`moment ${moment}, lost ${loss}: ${verdict.state} of ${acknowledged}; ${verdict.differences}`)
  })
  t.comment(`${images} images at ${moments} moments`)
  t.ok(images > IMAGES / 2)
  t.strictSame(wrong, [])
})

test('F26: a file with commits that were not flushed is, after a loss of power, as it once was, or reported', async t => {
  if (!canTrace(t)) return
  t.comment(`SEED=${seed}`)
  const wrong: string[] = []
  const tally = { current: 0, older: 0, reported: 0, killed: 0 }
  const trial = { file: 'claims.mdb', work: 'keep', images: Math.ceil(IMAGES / 10), isTrusted: false }
  await fail(t, trial, verdict => {
    const { moment, loss, disk } = verdict
    if ('trouble' in verdict) {
      if (/is damaged; it was left as it is/.test(verdict.trouble) && loss !== 'nothing') tally.reported++
      else wrong.push(`moment ${moment}, lost ${loss}: ${verdict.trouble}`)
      return
    }
    // What was flushed is not older than that; what kill -9 leaves is what was acknowledged.
    const least = loss === 'nothing' ? disk.testimony.acknowledged : disk.flushedState
    if (verdict.state < least)
      wrong.push(`moment ${moment}, lost ${loss}: ${verdict.state} of ${least}; ${verdict.differences}`)
    tally[loss === 'nothing' ? 'killed' : verdict.state < disk.testimony.acknowledged ? 'older' : 'current']++
  })
  t.comment(JSON.stringify(tally))
  t.strictSame(wrong, [])
})

const PAGE = 4_096

/** The file and the entries of a store after each of many changes, all of one size and without an end: nothing else tells them apart. */
async function history(t: Test): Promise<{ readonly file: Buffer; readonly entries: string }[]> {
  const state = shortDir(t)
  const store = await embeddedStore({ state, name: 'x', clock: new ManualClock(), maxBytes: 1_000_000 })
  const entries = new Map<string, string>()
  const states: { file: Buffer; entries: string }[] = []
  for (let change = 0; change < 60; change++) {
    const puts = [0, 1, 2, 3].map(n => put(`fixed/${(change * 4 + n) % 30}`, randomBytes(300)))
    await write(store, ...puts)
    for (const { key, value } of puts) entries.set(key, printOf(value))
    states.push({ file: readFileSync(join(state, 'store', 'x.mdb')), entries: textOf(entries) })
  }
  await store.close()
  return states
}

const textOf = (entries: Iterable<readonly [string, string]>): string => JSON.stringify([...entries].sort())

test('F26: a page of an earlier time in the place of the last is reported, where it is of any use', async t => {
  t.comment(`SEED=${seed}`)
  const states = await history(t)
  const file = states.at(-1)?.file ?? Buffer.alloc(0)
  const pages = new Map<string, { at: number; page: Buffer }>()
  for (const earlier of states) {
    for (let at = 2 * PAGE; at + PAGE <= earlier.file.length; at += PAGE) {
      const page = earlier.file.subarray(at, at + PAGE)
      if (!page.equals(file.subarray(at, at + PAGE))) pages.set(page.toString('latin1') + at, { at, page })
    }
  }
  const random = seeded(seed)
  const court = openCourt(t)
  const tally = { reported: 0, asItWas: 0 }
  for (const { at, page } of pages.values()) {
    // Of three pages that are put back one is of use: of fewer than these it might be none.
    if (random() > IMAGES / 4 / pages.size) continue
    const image = Buffer.from(file)
    page.copy(image, at)
    const finding = await court.judge(image, 0, false)
    if ('trouble' in finding) tally.reported++
    else if (states.some(({ entries }) => entries === textOf(finding.found))) tally.asItWas++
    else t.fail(`the page at ${at} made the store another: ${finding.found.length} entries`)
  }
  t.comment(`${tally.reported + tally.asItWas} of ${pages.size} pages: ${JSON.stringify(tally)}`)
  t.ok(tally.reported > 0)
})
