import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../src/config/package-root.js'
import { countAsserts } from './support/count-asserts.js'

/** `npm test`: tap as configured in .taprc, and a last line `N passed, N failed` for whoever reads only that. */
const root = fileURLToPath(packageRoot())
const results = `${root}.tap/results.tap`
mkdirSync(`${root}.tap`, { recursive: true })
rmSync(results, { force: true })
// Away from a terminal only failures are worth lines.
const reporter = process.stdout.isTTY ? [] : ['--reporter=terse']
const args = [...reporter, `--output-file=${results}`, ...process.argv.slice(2)]
const child = spawn('tap', args, { cwd: root, stdio: 'inherit' })
const [code] = (await once(child, 'exit')) as [number | null]
const { passed, failed } = countAsserts(readFileSync(results, 'utf8'))
// A file that crashes or times out fails the run without a failed assertion.
console.log(`${passed} passed, ${code === 0 ? failed : Math.max(failed, 1)} failed`)
process.exit(code ?? 1)
