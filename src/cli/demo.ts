import { inSandbox } from '../child/sandbox.js'
import { findClient } from '../demo/client.js'
import { runDemo } from '../demo/run.js'
import { type CommandInput, textOption, UsageError } from './command.js'
import { demoReport } from './demo-report.js'
import { createPaint } from './paint.js'
import { progressOf } from './progress.js'

/** What the same trouble is drawn from every time. */
const SEED = 18

/** `mulligan demo`: the same requests with and without mulligan; 0 only if every promise held. */
export async function run(input: CommandInput): Promise<number> {
  const { stdout, env } = input.io
  const wanted = textOption(input, 'client')
  if (wanted !== undefined && wanted !== 'curl' && wanted !== 'node')
    throw new UsageError(`--client is curl or node, not "${wanted}"`)
  const client = findClient(wanted)
  if (client === undefined) throw new UsageError('there is no curl here; --client node needs nothing else')
  const progress = progressOf(input)
  return inSandbox('demo', async sandbox => {
    const result = await runDemo(sandbox, client, SEED, progress.say)
    progress.done()
    stdout.write(
      input.values['json'] === true
        ? `${JSON.stringify(result, undefined, 2)}\n`
        : demoReport(result, createPaint(stdout, env)),
    )
    return result.kept ? 0 : 1
  }).finally(progress.done)
}
