import { once } from 'node:events'
import type { StoreSettings } from '../../src/config/config.js'
import { openStore } from '../../src/store/open-store.js'
import { type Store, StoreError } from '../../src/store/store.js'
import { systemClock } from '../../src/time/clock.js'
import { counted } from './store-work.js'

const [, , work = '', settings = '', state = '', ...args] = process.argv
const say = (line: string) => process.stdout.write(`${line}\n`)

/** What a process does at a store that others use too; each thing done is a line, printed when it is done. */
const WORKS: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  /** Takes `claim/0` … `claim/<n>`, where nobody has; begins when told. */
  async claim(store) {
    say('ready')
    await once(process.stdin, 'data')
    process.stdin.pause()
    for (let n = 0; n < Number(args[0]); n++) {
      const key = `claim/${n}`
      const won = await store.update([key], ([current]) =>
        current === undefined
          ? {
              result: true,
              puts: [{ key, value: Buffer.from(String(process.pid)), expiresAt: Number.POSITIVE_INFINITY }],
            }
          : { result: false },
      )
      if (won) say(key)
    }
  },
  /** Counts a shared number up, several times at once. */
  async count(store) {
    await Promise.all(Array.from({ length: Number(args[0]) }, () => counted(store, ['total', `own/${process.pid}`])))
    say('counted')
  },
  /** Writes pairs of keys, for ever, from where it finds the last; prints each number once its write is acknowledged. */
  async write(store) {
    const value = Buffer.alloc(Number(args[0]), 7)
    for (let n = Number((await store.get('last')) ?? -1) + 1; ; n++) {
      const keys = [`left/${n}`, `right/${n}`]
      const puts = keys.map(key => ({ key, value, expiresAt: Date.now() + 3_600_000 }))
      await store.update([...keys, 'last'], () => ({
        result: undefined,
        puts: [...puts, { key: 'last', value: Buffer.from(String(n)), expiresAt: Number.POSITIVE_INFINITY }],
      }))
      say(String(n))
    }
  },
  /** Writes pairs of keys, eight updates a turn, for ever; prints each number once its write is acknowledged. */
  async crowd(store) {
    for (let n = Number(args[0]); ; n += 8) {
      const turn = Array.from({ length: 8 }, (_, index) => String(n + index))
      const acknowledged = turn.map(async id => {
        const keys = [`left/${id}`, `right/${id}`]
        const puts = keys.map(key => ({ key, value: Buffer.alloc(300, 7), expiresAt: Date.now() + 3_600_000 }))
        await store.update(keys, () => ({ result: undefined, puts }))
        say(id)
      })
      await Promise.all(acknowledged)
    }
  },
  /** Reads everything, then writes, overwrites and deletes: what is damaged shows. */
  async use(store) {
    let entries = 0
    for await (const [key] of store.scan('')) entries += key.length > 0 ? 1 : 0
    for (let n = 0; n < 200; n++) {
      const keys = [`left/${n}`, `new/${n}`]
      await store.update(keys, () => ({
        result: undefined,
        puts: [{ key: `new/${n}`, value: Buffer.alloc(500 + n * 10), expiresAt: Date.now() + 60_000 }],
        deletes: [`left/${n}`],
      }))
    }
    say(`used ${entries}`)
  },
}

try {
  const store = await openStore(JSON.parse(settings) as StoreSettings, { state, clock: systemClock, env: process.env })
  await WORKS[work]?.(store)
  await store.close()
} catch (error) {
  if (!(error instanceof StoreError)) throw error
  say(`${error.trouble}: ${error.message}`)
}
