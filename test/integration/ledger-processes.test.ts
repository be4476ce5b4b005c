import { type Test, test } from 'tap'
import type { StoreSettings } from '../../src/config/config.js'
import { hasRedis, startRedis } from '../support/redis-server.js'
import { shortDir } from '../support/short-dir.js'
import { startStoreProcess } from '../support/store-process.js'

/** Two processes that buy at once, and one that comes later. */
async function race(t: Test, settings: StoreSettings, state: string): Promise<void> {
  const options = { settings, state, args: ['200', '50'], program: 'ledger-program.js' }
  const both = [startStoreProcess(t, 'race', options), startStoreProcess(t, 'race', options)]
  for (const one of both) await one.said(1)
  for (const { child } of both) child.stdin?.write('go\n')
  await Promise.all(both.map(({ gone }) => gone))
  const signed = both.map(({ lines }) => lines.filter(line => line.startsWith('sign ')))
  t.equal(signed.flat().length, 50)
  for (const { lines } of both) t.equal(lines.at(-1), 'done')
  t.comment(`${signed.map(lines => lines.length).join(' and ')} by each`)

  const after = startStoreProcess(t, 'race', options)
  await after.said(1)
  after.child.stdin?.write('go\n')
  await after.gone
  t.strictSame(after.lines, ['ready', 'done'], 'nor after a restart')
}

test('P3: two processes with 200 purchases each, and a limit of 50, make exactly 50 signatures', async t => {
  await race(t, { kind: 'embedded' }, shortDir(t))
})

test('P3: and so do two that share a Redis', async t => {
  if (!hasRedis(t)) return
  const { settings } = await startRedis(t)
  await race(t, settings, shortDir(t))
})
