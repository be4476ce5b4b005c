import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { tokenPath } from '../../../src/admin/token.js'

const TOKEN = fileURLToPath(new URL('../../../src/admin/token.js', import.meta.url))

/** A process that opens the token of a state and says whether it allows what is in the file then. */
const OPEN = `
import { readFileSync } from 'node:fs'
const { openToken, tokenPath } = await import(process.argv[1])
const state = process.argv[2]
const { allows, refused } = openToken(state)
console.log(refused ?? allows('Bearer ' + readFileSync(tokenPath(state), 'latin1').trim()))
`

t.test('T2: daemons that start at once on an empty state have one token, whole and for its owner alone', async t => {
  const { NODE_OPTIONS: _ofTap, ...env } = process.env
  for (let round = 0; round < 3; round++) {
    const state = mkdtempSync(join(tmpdir(), 'mulligan-test-'))
    t.teardown(() => rmSync(state, { recursive: true }))
    const opens = Array.from({ length: 8 }, () =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', OPEN, TOKEN, state], { env }),
    )
    for (const { stdout } of await Promise.all(opens)) t.equal(stdout.trim(), 'true')
    t.strictSame(readdirSync(state), ['admin.token'], 'no draft stays')
    t.equal(statSync(tokenPath(state)).mode & 0o777, 0o600)
    t.match(readFileSync(tokenPath(state), 'latin1'), /^[\w-]{43}\n$/)
  }
})
