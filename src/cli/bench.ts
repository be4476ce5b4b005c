import { KEYED_SUITE } from '../bench/keyed-suite.js'
import { type BenchSettings, runBench } from '../bench/measure.js'
import { PLAIN_SUITE } from '../bench/plain-suite.js'
import type { Suite } from '../bench/suite.js'
import { targetsOf } from '../bench/targets.js'
import { TLS_SUITE } from '../bench/tls-suite.js'
import { inSandbox } from '../child/sandbox.js'
import { numberOption, wholeOption } from './bench-options.js'
import { benchReport } from './bench-report.js'
import { type CommandInput, UsageError } from './command.js'
import { createPaint } from './paint.js'
import { progressOf } from './progress.js'

/** `mulligan bench`: what a request costs, next to peers, on this machine; `soak`: whether the daemon stays as it is. */
export async function run(input: CommandInput): Promise<number> {
  const [word] = input.positionals
  if (word === 'soak') return (await import('./soak.js')).runSoakCommand(input)
  if (word !== undefined) throw new UsageError(`bench knows soak, not "${word}"`)
  const { stdout, env } = input.io
  const settings: BenchSettings = {
    seconds: numberOption(input, 'seconds', { preset: 2, least: 0.2, most: 60 }),
    rounds: wholeOption(input, 'rounds', { preset: 3, least: 1, most: 50 }),
    connections: wholeOption(input, 'connections', { preset: 64, least: 1, most: 1_000 }),
  }
  const suite = suiteOf(input)
  const progress = progressOf(input)
  return inSandbox('bench', async sandbox => {
    const result = await runBench(suite, sandbox, settings, progress.say)
    progress.done()
    const targets = targetsOf(result.cells, suite.bounds)
    stdout.write(
      input.values['json'] === true
        ? `${JSON.stringify({ ...result, targets }, undefined, 2)}\n`
        : benchReport(suite, result, targets, createPaint(stdout, env)),
    )
    return input.values['check'] === true && targets.some(({ met }) => met === false) ? 1 : 0
  }).finally(progress.done)
}

function suiteOf({ values }: CommandInput): Suite {
  if (values['tls'] === true && values['keys'] === true) throw new UsageError('--tls and --keys are two benchmarks')
  if (values['keys'] === true) return KEYED_SUITE
  return values['tls'] === true ? TLS_SUITE : PLAIN_SUITE
}
