import { existsSync } from 'node:fs'
import { fittingTunnels, type SoakSettings, SPOILS, type Spoil } from '../bench/soak/settings.js'
import { runSoak } from '../bench/soak/soak.js'
import { inSandbox } from '../child/sandbox.js'
import { openFilesLimit } from '../config/open-files-limit.js'
import { numberOption, wholeOption } from './bench-options.js'
import { type CommandInput, listOption, UsageError } from './command.js'
import { createPaint } from './paint.js'
import { progressOf } from './progress.js'
import { soakReport } from './soak-report.js'

const SEED_MOST = 2 ** 31 - 1

/** `mulligan bench soak`: a daemon under everything at once; 0 only if every promise held. */
export async function runSoakCommand(input: CommandInput): Promise<number> {
  const { stdout, env } = input.io
  if (!existsSync('/proc/self/fd')) throw new UsageError('a soak looks at the daemon through /proc, which is not here')
  const connections = wholeOption(input, 'connections', { preset: 1_000, least: 1, most: 5_000 })
  const asked = wholeOption(input, 'tunnels', { preset: 10_000, least: 0, most: 100_000 })
  const tunnels = fittingTunnels(asked, connections, openFilesLimit())
  const settings: SoakSettings = {
    ...{ connections, tunnels },
    seconds: numberOption(input, 'seconds', { preset: 60, least: 1, most: 86_400 }),
    seed: wholeOption(input, 'seed', { preset: 18, least: 0, most: SEED_MOST }),
    spoils: spoilsOf(input),
  }
  const notes = tunnels < asked ? [`${tunnels} tunnels, not ${asked}: more open files are not allowed (ulimit -n)`] : []
  const progress = progressOf(input)
  return inSandbox('soak', async sandbox => {
    const result = await runSoak(sandbox, settings, notes, progress.say)
    progress.done()
    stdout.write(
      input.values['json'] === true
        ? `${JSON.stringify(result, undefined, 2)}\n`
        : soakReport(result, createPaint(stdout, env)),
    )
    return result.promises.some(({ met }) => met === false) ? 1 : 0
  }).finally(progress.done)
}

function spoilsOf(input: CommandInput): readonly Spoil[] {
  return listOption(input, 'spoil').map(name => {
    const spoil = SPOILS.find(one => one === name)
    if (spoil === undefined) throw new UsageError(`--spoil is one of ${SPOILS.join(', ')}, not "${name}"`)
    return spoil
  })
}
