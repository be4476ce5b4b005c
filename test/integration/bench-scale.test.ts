import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const RUN = fileURLToPath(new URL('../../bench/scale/run.js', import.meta.url))

/** In a folder of its own. @returns what it said, and the page that it was given */
async function runScale(t: Test, args: readonly string[]) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mg-scale-')))
  const [temporary, page] = [join(folder, 'tmp'), join(folder, 'page.md')]
  mkdirSync(temporary)
  writeFileSync(page, 'before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n')
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, [RUN, '--quick', '--page', page, ...args], {
    env: { ...env, TMPDIR: temporary },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.teardown(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  let said = ''
  child.stderr.on('data', chunk => (said += String(chunk)))
  const [code] = await once(child, 'close')
  return { code, said, text: readFileSync(page, 'utf8'), left: readdirSync(temporary) }
}

t.test('the smallest measurement of what grows makes its tables and leaves nothing behind', async t => {
  const { code, said, text, left } = await runScale(t, ['--parts', 'memory,credentials'])
  t.equal(code, 0, said)
  t.match(text, /^before\n<!-- bench:begin -->\n[\s\S]*<!-- bench:end -->\nafter\n$/)
  t.notMatch(text, /\nold\n|NaN|undefined/)
  const held = ['client connection', 'upstream connection', 'tunnel, both ends'].map(name => `idle ${name}`)
  for (const name of [...held, 'known origin', 'remembered exchange'])
    t.match(text, new RegExp(`\\n\\| ${name} \\| -?\\d+\\.\\d\\d \\|`), name)
  t.match(text, /\n\| 2 \| \d+\.\d \[/, 'two credentials')
  t.strictSame(left, [])
})

t.test('a part that there is not is said before anything is measured', async t => {
  const { code, said, text } = await runScale(t, ['--parts', 'all'])
  t.equal(code, 1)
  t.match(said, /^--parts: no all; there are memory, routes, /)
  t.match(text, /\nold\n/)
})
