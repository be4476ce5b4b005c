import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../src/config/package-root.js'

/** `npm test`: tap as configured in .taprc, and a last line `N passed, N failed` for whoever reads only that. */
const root = fileURLToPath(packageRoot())
const results = `${root}.tap/results.tap`
mkdirSync(`${root}.tap`, { recursive: true })
rmSync(results, { force: true })
// Away from a terminal only failures are worth lines, and those are printed below.
const reporter = process.stdout.isTTY ? [] : ['--reporter=silent']
const args = [...reporter, `--output-file=${results}`, ...process.argv.slice(2)]
// The same each time, so that a red run is about the change; `SEED=random` tries what nobody has tried.
const { SEED = '20261122', ...rest } = process.env
const env = SEED === 'random' ? rest : { ...rest, SEED }
// tap would do so itself, but with the plugins that it has so far: each file would load the compiler, half a second.
if (process.argv.length === 2) spawnSync('tap', ['build'], { cwd: root, stdio: 'ignore' })
const child = spawn('tap', args, { cwd: root, env, stdio: 'inherit' })
const [code] = (await once(child, 'exit')) as [number | null]
const tap = readFileSync(results, 'utf8')
if (!process.stdout.isTTY) printNotes(tap)
/** tap's own count, from its closing comment: `# { total: 5, pass: 4, fail: 1 }`. */
const closing = tap.match(/^# \{ total: .*$/gm)?.at(-1) ?? ''
const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(closing)?.[1] ?? 0)
// A missed threshold or a crash of tap itself fails the run without a failed assertion.
console.log(`${count('pass')} passed, ${code === 0 ? count('fail') : Math.max(count('fail'), 1)} failed`)
process.exit(code ?? 1)

/** What did not pass, with its diagnosis, and what was skipped, with its reason. */
function printNotes(text: string): void {
  for (const skipped of text.match(/^ *ok .*# SKIP.*$/gm) ?? []) console.log(skipped.trim())
  for (const failed of text.match(/^( *)not ok .*\n(?:\1 {2}---\n[\s\S]*?\n\1 {2}\.\.\.\n)?/gm) ?? [])
    console.log(failed)
}
