import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { startBench } from '../support/bench-program.js'

const RUN = fileURLToPath(new URL('../../bench/scale/run.js', import.meta.url))

/** @returns what it said, and the page that it was given */
async function runScale(t: Test, args: readonly string[]) {
  const { child, said, temporary, page } = startBench(t, RUN, args)
  const [code] = await once(child, 'close')
  return { code, said: said.err, text: readFileSync(page, 'utf8'), left: readdirSync(temporary) }
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
