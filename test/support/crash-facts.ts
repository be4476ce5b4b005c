import { createHash, createPublicKey } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openToken, readToken, tokenPath } from '../../src/admin/token.js'
import { type LocalCa, openCa } from '../../src/certificate/local-ca.js'
import { RefreshTokenStore } from '../../src/credential/refresh-token-store.js'
import { installSecret } from '../../src/idempotency/install-secret.js'
import { listEntries } from '../../src/ledger/entry.js'
import { openStore } from '../../src/store/open-store.js'
import type { Store } from '../../src/store/store.js'
import { systemClock } from '../../src/time/clock.js'
import { millis } from '../../src/time/units.js'
import { ManualClock } from './clock.js'
import { printOf, Testimony, type Word } from './witness.js'

/** What a state directory must have after a crash, by what the process said before it. Each returns what is wrong. */
export type Proof = (state: string, words: readonly Word[]) => Promise<readonly string[]>

/** The public half: it stays when a certificate is issued again. */
export const printOfKey = ({ key }: LocalCa): string =>
  createHash('sha256')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest('hex')

const said = (words: readonly Word[], name: string): readonly string[] =>
  words.flatMap(word => ('fact' in word && word.fact === name ? [word.value] : []))

/** The store is as it was after the last acknowledged change, or after one that was under way. */
const isStore =
  (name: string, more: (store: Store, words: readonly Word[]) => Promise<readonly string[]>): Proof =>
  async (state, words) => {
    const testimony = new Testimony()
    for (const word of words) testimony.hear(word)
    const clock = new ManualClock(testimony.now)
    const store = await openStore({ kind: 'embedded' }, { state, clock, env: {}, name })
    try {
      const found = new Map<string, string>()
      for await (const [key, value] of store.scan('')) found.set(key, printOf(value))
      const at = testimony.stateOf(found)
      const isThere = words.length === 0 || at >= testimony.acknowledged
      const wrong = isThere ? [] : [`${at} of ${testimony.acknowledged}: ${testimony.differences(found)}`]
      return [...wrong, ...(await more(store, words))]
    } finally {
      await store.close()
    }
  }

/** Every signature that was given out is in the book. */
async function isBooked(store: Store, words: readonly Word[]): Promise<readonly string[]> {
  const booked = new Set<string>()
  for await (const { id } of listEntries(store, 0, {})) booked.add(id)
  return said(words, 'signed').filter(id => !booked.has(id))
}

const isSession: Proof = async (state, words) => {
  const store = new RefreshTokenStore(state, 'vendor', systemClock)
  const kept = (await store.read('session'))?.refreshToken
  const allowed = [said(words, 'wrote').at(-1), said(words, 'writes').at(-1)]
  const wrong = allowed.includes(kept) ? [] : [`${kept} instead of ${allowed.join(' or ')}`]
  const unlock = await store.lock(millis(5_000))
  if (unlock === undefined) wrong.push('the lock of the dead is not to be had')
  await store.write('session', { refreshToken: 'after', access: undefined })
  await unlock?.()
  const files = readdirSync(join(state, 'credentials'))
  return files.length === 1 ? wrong : [...wrong, `left: ${files.join()}`]
}

/** What is made once is what it was. A CA has the same key, unless its rotation had begun. */
const isMade: Proof = async (state, words) => {
  const wrong: string[] = []
  const must = (what: string, found: string | undefined, known: readonly string[]) => {
    if (known.length > 0 && known.at(-1) !== found) wrong.push(`another ${what}`)
  }
  const store = await openStore({ kind: 'embedded' }, { state, clock: systemClock, env: {} })
  must('secret', (await installSecret(store, state)).toString('hex'), said(words, 'secret'))
  await store.close()
  const { refused } = openToken(state)
  if (refused !== undefined) wrong.push(`the token: ${refused}`)
  must('token', readToken(tokenPath(state)), said(words, 'token'))
  const { ca } = await openCa(state, ['a.test', 'b.test'], systemClock)
  const isRotating = said(words, 'rotates').length > 0 && said(words, 'ca').length < 3
  if (!isRotating) must('CA', printOfKey(ca), said(words, 'ca'))
  const drafts = readdirSync(state).filter(name => !KNOWN.has(name) && !/\.[0-9a-f]{8}(?:\.tmp)?$/.test(name))
  return drafts.length === 0 ? wrong : [...wrong, `left: ${drafts.join()}`]
}

/** Beside drafts of the dead; their lock of the CA is taken over by the next who changes it. */
const KNOWN = new Set(['ca.lock', 'store', 'install.secret', 'admin.token', 'ca.pem', 'ca.key', 'ca.pem.old'])

/** By the work of the crash program. */
export const PROOFS: Readonly<Record<string, Proof>> = {
  buy: isStore('ledger', isBooked),
  keep: isStore('claims', async () => []),
  rotate: isSession,
  make: isMade,
}
