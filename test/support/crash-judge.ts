import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { embeddedStore } from '../../src/store/embedded-store.js'
import { StoreError } from '../../src/store/store.js'
import { StoreFile } from '../../src/store/store-file.js'
import { ManualClock } from './clock.js'
import type { Finding, Image } from './crash-court.js'
import { put, write } from './store-work.js'
import { printOf } from './witness.js'

/** Opens what a crash left, says what is there, and uses it; a line of JSON for each. A process, because a file may kill it. */
async function judge({ folder, file, now, isTrusted }: Image): Promise<Finding> {
  mkdirSync(join(folder, 'store'))
  const path = join(folder, 'store', 'judged.mdb')
  renameSync(file, path)
  // Without the look that would find damage: here there must be none.
  if (isTrusted) new StoreFile(path).markClosed()
  try {
    const clock = new ManualClock(now)
    const store = await embeddedStore({ state: folder, name: 'judged', clock, maxBytes: 4_194_304 })
    const read = async () => {
      const found: [string, string][] = []
      for await (const [key, value] of store.scan('')) found.push([key, printOf(value)])
      return found
    }
    const found = await read()
    for (let n = 0; n < 4; n++) await write(store, put(`~${n}`, Buffer.alloc(n * 1_500, n)))
    for (let n = 0; n < 4; n++)
      await store.update([`~${n}`], () => ({ result: 1, deletes: [`~${n}`] }), { flushed: n === 3 })
    const isSame = JSON.stringify(await read()) === JSON.stringify(found)
    await store.close()
    return isSame ? { found } : { trouble: 'what was there changed while others were written' }
  } catch (error) {
    if (error instanceof StoreError) return { trouble: error.message }
    throw error
  }
}

createInterface({ input: process.stdin }).on('line', line => {
  void judge(JSON.parse(line) as Image).then(finding => process.stdout.write(`${JSON.stringify(finding)}\n`))
})
