import { inSandbox } from '../child/sandbox.js'
import { nearest } from '../config/did-you-mean.js'
import { SecretError } from '../config/secret.js'
import { jsonReport } from '../conformance/json-report.js'
import { junitReport } from '../conformance/junit.js'
import type { Kit, Trip } from '../conformance/kit.js'
import { loadKit } from '../conformance/load-kit.js'
import { type RunOptions, type RunResult, runConformance, Unusable } from '../conformance/run.js'
import { runSelfTest } from '../conformance/self-test.js'
import { PHASE_NAMES, type PhaseName } from '../conformance/verdict.js'
import { systemClock } from '../time/clock.js'
import { type Millis, parseDuration, seconds } from '../time/units.js'
import { type CommandInput, type CommandIo, textOption, UsageError } from './command.js'
import { complain } from './complain.js'
import { conformanceReport } from './conformance-report.js'
import { createPaint } from './paint.js'
import { progressOf } from './progress.js'

/**
 * `mulligan conformance idempotency`: whether a target keeps what idempotency keys promise. Exit code 0 no phase failed,
 * 1 one did, 2 usage or kit, 3 the target is not to be had, 4 a required phase says nothing.
 */
export async function run(input: CommandInput): Promise<number> {
  const { env } = input.io
  const subject = input.positionals[0]
  if (subject !== 'idempotency') throw new UsageError(`"${subject ?? ''}" is nothing to check; idempotency is`)
  const options = readOptions(input)
  const progress = progressOf(input)
  const run: RunOptions = { ...options, clock: systemClock, env, say: progress.say }
  try {
    if (options.self)
      return await inSandbox('conformance', async ({ folder }) => {
        const result = await runSelfTest(folder, run)
        progress.done()
        return tell(result, options, input)
      })
    const result = await runConformance(readKit(options, input), run)
    progress.done()
    return tell(result, options, input)
  } catch (error) {
    if (error instanceof SecretError) throw new UsageError(error.message)
    if (!(error instanceof Unusable)) throw error
    progress.done()
    return complain(input, error.message, 3)
  } finally {
    progress.done()
  }
}

function tell(result: RunResult, { format, required }: Options, { io }: CommandInput): number {
  io.stdout.write(written(result, format, io))
  return exitCode(result, required)
}

/** The kit with what the flags say; a target that may be harmed is refused. */
function readKit({ file, trip }: Options, { values, io }: CommandInput): Kit {
  if (file === undefined) throw new UsageError('conformance needs --kit FILE, or --self')
  const kit = loadKit(file, io.cwd)
  if (!kit.sandbox && values['allow-live-side-effects'] !== true)
    throw new UsageError(
      `${kit.target} is not marked as a sandbox, and the check makes resources there: sandbox: true in the kit, or --allow-live-side-effects`,
    )
  return trip === undefined ? kit : { ...kit, trip }
}

type Options = {
  readonly self: boolean
  readonly file: string | undefined
  readonly format: 'table' | 'json' | 'junit'
  readonly selected: readonly PhaseName[] | undefined
  readonly required: readonly PhaseName[]
  readonly trip: Trip | undefined
  readonly timeout: Millis
  readonly proxy: string | undefined
}

function readOptions(input: CommandInput): Options {
  const self = input.values['self'] === true
  const idle = ['kit', 'proxy', 'trip'].find(name => input.values[name] !== undefined)
  if (self && idle !== undefined) throw new UsageError(`--self has a kit of its own; drop --${idle}`)
  const format = textOption(input, 'format') ?? 'table'
  if (format !== 'table' && format !== 'json' && format !== 'junit')
    throw new UsageError(`--format is table, json or junit, not "${format}"`)
  return {
    self,
    file: textOption(input, 'kit'),
    format,
    selected: phaseList(input, 'phase'),
    required: phaseList(input, 'require') ?? [],
    trip: tripOption(textOption(input, 'trip')),
    timeout: timeoutOption(textOption(input, 'timeout')),
    proxy: proxyOption(textOption(input, 'proxy')),
  }
}

function phaseList(input: CommandInput, option: string): PhaseName[] | undefined {
  const text = textOption(input, option)
  if (text === undefined) return undefined
  return text.split(',').map(word => {
    const name = PHASE_NAMES.find(known => known === word.trim())
    if (name !== undefined) return name
    const near = nearest(word.trim(), PHASE_NAMES)
    throw new UsageError(`--${option}: "${word}" is no phase${near === undefined ? '' : `, did you mean "${near}"?`}`)
  })
}

/** `sequential`, `sequential=300`, `concurrent=8`, `concurrent=8/300`. */
function tripOption(text: string | undefined): Trip | undefined {
  if (text === undefined) return undefined
  const match = /^(?:sequential(?:=(\d+))?|concurrent=(\d+)(?:\/(\d+))?)$/.exec(text)
  const most = Number(match?.[1] ?? match?.[3] ?? 200)
  const together = Number(match?.[2] ?? 1)
  if (match === null || most < 50 || most > 500 || together < 1 || together > 20)
    throw new UsageError(`--trip is sequential[=50 to 500] or concurrent=1 to 20[/50 to 500], not "${text}"`)
  return { most, together }
}

function timeoutOption(text: string | undefined): Millis {
  const span = text === undefined ? seconds(30) : parseDuration(text)
  if (span === undefined || span <= 0) throw new UsageError(`--timeout is a duration such as 30s, not "${text ?? ''}"`)
  return span
}

function proxyOption(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (URL.canParse(text) && new URL(text).protocol === 'http:') return text
  throw new UsageError('--proxy is an http URL such as http://127.0.0.1:8402')
}

function written(result: RunResult, format: Options['format'], io: CommandIo): string {
  switch (format) {
    case 'table':
      return conformanceReport(result, createPaint(io.stdout, io.env))
    case 'json':
      return `${JSON.stringify(jsonReport(result), undefined, 2)}\n`
    case 'junit':
      return junitReport(result)
  }
}

function exitCode({ phases }: RunResult, required: readonly PhaseName[]): number {
  if (phases.some(({ verdict }) => verdict.grade === 'fail')) return 1
  return phases.some(({ phase, verdict }) => required.includes(phase) && verdict.grade !== 'pass') ? 4 : 0
}
