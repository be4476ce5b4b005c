import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Client, Missing, type Ready } from './client.js'
import { checkRows, type Row, rowOf, type Section, writeRows } from './page.js'
import { makeRepository, type Repository } from './repository.js'
import { tryClient } from './trial.js'

/** Most of a trial is waiting for Retry-After. */
const AT_ONCE = 3

/**
 * A test for each client that is here; who is not, is skipped with the reason. With MULLIGAN_WRITE_DOCS=1 what came out
 * goes into docs/clients.md.
 */
export async function testClients(section: Section, clients: readonly Client[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mulligan-clients-'))
  const repository = makeRepository(join(folder, 'repository'))
  t.jobs = AT_ONCE
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const tests = clients.map(async client => {
    let row: Row = rowOf(client)
    await t.test(
      `FP-26: ${client.name}, unmodified, gets its second shot through mulligan run`,
      { buffered: true },
      async t => {
        row = (await tryOne(t, client, folder, repository)) ?? row
      },
    )
    return row
  })
  const rows = await Promise.all(tests)
  if (process.env['MULLIGAN_WRITE_DOCS'] === '1') writeRows(section, rows)
  t.strictSame(checkRows(section, clients), [], 'docs/clients.md has a row for each client, and no other')
}

/** @returns what the page says of it; `undefined` when it is not here */
async function tryOne(t: Test, client: Client, folder: string, repository: Repository): Promise<Row | undefined> {
  const ready = await readyOf(client, folder)
  if (ready instanceof Missing) {
    t.plan(0, ready.message)
    return undefined
  }
  const trial = await tryClient(client, ready, repository)
  for (const [cell, verdict] of trial.verdicts) {
    t.equal(
      verdict ?? 'as it should be',
      'as it should be',
      cell,
      verdict === undefined ? {} : { stderr: trial.stderr },
    )
  }
  return rowOf(client, ready, trial)
}

const readyOf = (client: Client, folder: string): Promise<Ready | Missing> =>
  client.prepare(folder).catch((error: unknown) => {
    if (error instanceof Missing) return error
    throw error
  })
