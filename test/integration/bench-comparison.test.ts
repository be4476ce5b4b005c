import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startBench } from '../support/bench-program.js'

const RUN = fileURLToPath(new URL('../../bench/run.js', import.meta.url))

/** Resolves when it says that it has come so far. */
async function says(child: ChildProcess, said: { readonly err: string }, word: string): Promise<void> {
  while (!said.err.includes(word)) {
    if (child.exitCode !== null) throw new Error(`it ended before it said "${word}": ${said.err}`)
    await Promise.race([once(child.stderr as Readable, 'data'), once(child, 'close')])
  }
}

/** Processes that were told of a folder, by their arguments or their environment; none where there is no /proc. */
const processesOf = (folder: string): readonly string[] =>
  existsSync('/proc/self/environ') ? readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && knows(pid, folder)) : []

function knows(pid: string, folder: string): boolean {
  try {
    return ['cmdline', 'environ'].some(name => readFileSync(`/proc/${pid}/${name}`, 'latin1').includes(folder))
  } catch {
    // It ended, or is not ours to look at.
    return false
  }
}

t.test('the smallest comparison, of one peer and us, makes tables and a chart and leaves nothing behind', async t => {
  const { child, said, folder, temporary, page } = startBench(t, RUN, [
    ...['--parts', 'starts,clear,bulk'],
    ...['--peers', 'http-proxy'],
  ])
  t.equal((await once(child, 'close'))[0], 0, said.err)
  const text = readFileSync(page, 'utf8')
  t.match(text, /^before\n<!-- bench:begin -->\n[\s\S]*<!-- bench:end -->\nafter\n$/)
  t.notMatch(text, /\nold\n|Left out|NaN|undefined/)
  for (const door of ['direct', 'http-proxy', '**mulligan, retry**', '**mulligan, mount**'])
    t.ok(text.includes(`\n| ${door} | `), door)
  t.match(text, /\| GET 1 KiB: http-proxy needs as much CPU \| at least 5 × \| 5\.1 \| (?:\d+\.\d+ ×|-) \|/)
  t.match(said.out, /^skipped GET 1 KiB, retry route: CPU against nginx: -, at most 1\.6 ×$/m, 'it is not there')
  t.match(
    readFileSync(join(folder, 'images/performance.svg'), 'utf8'),
    /^<svg [\s\S]*>mulligan, retry<[\s\S]*<\/svg>\n$/,
  )
  t.strictSame(readdirSync(temporary), [])
  t.strictSame(processesOf(folder), [])
})

t.test('an interrupted comparison leaves neither processes nor files, and the page as it was', async t => {
  const { child, said, folder, temporary, page } = startBench(t, RUN, ['--parts', 'clear', '--peers', 'http-proxy'])
  await says(child, said, 'warm-up')
  if (existsSync('/proc/self/environ')) t.ok(processesOf(folder).length > 4, 'its processes are found')
  child.kill('SIGINT')
  t.equal((await once(child, 'close'))[0], 130, said.err)
  t.strictSame(processesOf(folder), [])
  t.strictSame(readdirSync(temporary), [])
  t.match(readFileSync(page, 'utf8'), /\nold\n/)
})

t.test('what cannot be compared, or written, is said before anything is measured', async t => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--peers', 'nginx,squint'], /^--peers: no squint; there are nginx, /],
    [['--parts', 'all'], /^--parts: no all; there are starts, clear, /],
    [['--rounds', '0'], /^--rounds is a whole number/],
    [['--page', join('nowhere', 'page.md')], /^ENOENT/],
    [['--page', RUN], /^the page has no <!-- bench:begin -->/],
  ]
  const runs = cases.map(async ([args, why]) => {
    const { child, said } = startBench(t, RUN, args)
    t.equal((await once(child, 'close'))[0], 1, args.join(' '))
    t.match(said.err, why)
  })
  await Promise.all(runs)
})
