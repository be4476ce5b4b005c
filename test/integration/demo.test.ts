import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config/package-root.js'
import type { DemoResult } from '../../src/demo/run.js'
import { undisturbed } from '../support/undisturbed.js'

const bin = fileURLToPath(new URL('bin/mulligan.js', packageRoot()))

/** The command as a user runs it, with a folder for temporary files that can be looked into afterwards. */
function start(t: Test, args: string[]) {
  const temporary = mkdtempSync(join(tmpdir(), 'mulligan-demo-test-'))
  t.teardown(() => rmSync(temporary, { recursive: true }))
  const child = spawn(process.execPath, [bin, 'demo', ...args], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return { child, temporary }
}

async function textOf(stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

t.test('the demo keeps every promise, with a client of Node too', async t => {
  // A machine that stands still for the second that an attempt may take makes more of them.
  const { temporary, out, err, code } = await undisturbed(
    async () => {
      const { child, temporary } = start(t, ['--json', '--client', 'node'])
      const [out, err, [code]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, 'exit')])
      return { temporary, out, err, code }
    },
    400,
    3,
  )
  t.equal(code, 0)
  t.equal(err, '', 'nothing is said beside the result when nobody watches')
  const result = JSON.parse(out) as DemoResult
  t.equal(result.kept, true)
  const by = (part: string) => result.rows.find(({ name }) => name.includes(part))
  t.ok(
    result.rows.every(
      ({ without, through }) => without.answered < without.asked && through.answered >= without.answered,
    ),
    'without mulligan every scenario hurts, and it never makes one worse',
  )
  t.equal(by('503 twice')?.repeats, 6, 'each of three requests was repeated twice')
  t.equal(by('applied')?.through.orders, 10, 'what was applied was applied once')
  t.equal(by('applied')?.through.unknown, 3, 'what cannot be known is said to be unknown')
  t.equal(by('applied')?.repeats, 0)
  const bought = result.purchases.map(({ without, through, payments }) => [without, through, payments])
  t.strictSame(
    bought,
    [
      [0, 4, 4],
      [0, 4, 4],
      [0, 2, 2],
    ],
    'each page was paid once, as many as the limit had room for',
  )
  t.equal(result.purchases.map(({ spent }) => Number(spent)).join(), '40000,40000,20000')
  t.equal(result.booksAgree, true, 'its ledger says the same as the one that the money is on')
  t.strictSame(readdirSync(temporary), [], 'nothing is left behind')
})

t.test('an interrupted demo ends its children and leaves nothing behind', async t => {
  const { child, temporary } = start(t, [])
  const ended = once(child, 'exit')
  // Its own folder is the first thing it makes.
  while (readdirSync(temporary).length === 0) await new Promise(setImmediate)
  child.kill('SIGINT')
  const [code] = (await ended) as [number]
  t.equal(code, 130)
  t.strictSame(readdirSync(temporary), [])
})
