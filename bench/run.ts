import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { inSandbox } from '../src/child/sandbox.js'
import { packageRoot } from '../src/config/package-root.js'
import { chartOf } from './chart.js'
import { PEERS } from './doors.js'
import { readPage } from './markdown.js'
import { measureAll, PARTS } from './measure-all.js'
import { PLAIN_PROGRAM } from './mulligan-programs.js'
import { goalLines, sectionOf, withFigures } from './page.js'
import { chosen, Progress } from './run-options.js'
import { FULL, QUICK } from './settings.js'

const HELP = `Compares mulligan with the proxies that are installed here, and writes docs/performance.md and its chart.

Usage: npm run bench -- [options]

  --quick          everything at its smallest; prints what it would write
  --parts NAMES    these alone: ${PARTS.join(',')}; prints what it would write
  --peers NAMES    with these alone: ${PEERS.join(',')}; none
  --rounds N       of every measurement
  --program FILE   the bin/mulligan.js to measure
  --page FILE      the page to write into, its chart beside it as images/performance.svg
`

/** Where the chart is, from the page. */
const CHART = 'images/performance.svg'

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' },
      parts: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      program: { type: 'string' },
      page: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const settings = values.quick ? QUICK : FULL
  const rounds = Number(values.rounds ?? settings.rounds)
  const peers = chosen('peers', values.peers, PEERS)
  const parts = chosen('parts', values.parts, PARTS)
  const program = resolve(values.program ?? PLAIN_PROGRAM)
  const page =
    values.page ??
    (values.quick || values.parts ? undefined : fileURLToPath(new URL('docs/performance.md', packageRoot())))
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds is a whole number, not ${values.rounds}`)
  const before = page === undefined ? '' : readPage(page)
  return inSandbox('compare', async sandbox => {
    const startedAt = performance.now()
    const progress = new Progress()
    const figures = await measureAll(
      sandbox,
      { program, parts, peers, settings: { ...settings, rounds } },
      progress.say,
    )
    if (page === undefined) process.stdout.write(`${sectionOf(figures, CHART)}\n`)
    else {
      const chart = resolve(dirname(page), CHART)
      mkdirSync(dirname(chart), { recursive: true })
      writeFileSync(page, withFigures(before, figures, CHART))
      writeFileSync(chart, chartOf(figures))
    }
    process.stdout.write(goalLines(figures))
    process.stderr.write(`${((performance.now() - startedAt) / 1_000).toFixed(0)} s\n`)
    return 0
  })
}

process.exit(
  await run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }),
)
