import { describeAnswer } from './answer.js'
import { NoAnswer } from './client.js'
import type { Kit } from './kit.js'
import { PHASES } from './phases.js'
import { Probe, type Tally } from './probe.js'
import { inapplicable, type Learned, PHASE_NAMES, type PhaseName, PhaseOver, type Verdict } from './verdict.js'
import { openWorld, type World, type WorldOptions } from './world.js'

/** What became of one phase. */
export type PhaseResult = Tally & {
  readonly phase: PhaseName
  readonly verdict: Verdict | { readonly grade: 'not_selected' }
  readonly ms: number
}

export type RunResult = {
  readonly kit: Kit
  readonly proxy: string | undefined
  /** Unix milliseconds. */
  readonly startedAt: number
  readonly ms: number
  readonly phases: readonly PhaseResult[]
  readonly learned: Learned
  /** Resources made, and how many of them could not be removed. */
  readonly made: number
  readonly left: number
}

export type RunOptions = WorldOptions & {
  /** The phases that run; all when undefined. */
  readonly selected: readonly PhaseName[] | undefined
  /** Told what is being done. */
  readonly say: (text: string) => void
}

/** Nothing can be graded: the target is not there, or refuses the very request of the kit. */
export class Unusable extends Error {
  override readonly name = 'Unusable'
}

/** Runs the phases of a kit, one after the other. @throws Unusable, SecretError */
export async function runConformance(kit: Kit, options: RunOptions): Promise<RunResult> {
  const { clock, say, selected, proxy } = options
  const startedAt = clock.now()
  const begun = clock.monotonic()
  const world = await openWorld(kit, options)
  try {
    say('asking once')
    await rehearse(world)
    const results = new Map<PhaseName, PhaseResult>()
    let learned: Learned = {}
    const phases = PHASES.filter(({ name }) => selected === undefined || selected.includes(name))
    for (const [index, { name, needsDedup, run }] of phases.entries()) {
      say(`phase ${index + 1} of ${phases.length}: ${name}`)
      const unfit = whyNot(results, learned, needsDedup)
      const result = await runPhase(world, name, unfit === undefined ? run : async () => unfit)
      results.set(name, result)
      if ('learned' in result.verdict) learned = { ...learned, ...result.verdict.learned }
    }
    say('cleaning up')
    const left = await cleanUp(world)
    const all = PHASE_NAMES.map(phase => results.get(phase) ?? notSelected(phase))
    return { kit, proxy, startedAt, ms: clock.monotonic() - begun, phases: all, learned, made: world.made.size, left }
  } finally {
    world.client.close()
  }
}

/** The request of the kit must be possible before anything can be said about it. */
async function rehearse(world: World): Promise<void> {
  const probe = new Probe(world)
  try {
    const answer = await probe.patiently(probe.freeze())
    if (answer.outcome === 'success') return
    throw new Unusable(`the request of the kit was answered ${describeAnswer(answer)}: there is nothing to grade`)
  } catch (error) {
    if (error instanceof NoAnswer || error instanceof PhaseOver) throw new Unusable(error.message)
    throw error
  }
}

/** A phase that cannot say anything, given what is known. */
function whyNot(
  results: ReadonlyMap<PhaseName, PhaseResult>,
  learned: Learned,
  needsDedup: boolean,
): Verdict | undefined {
  const declared = results.get('declare')?.verdict
  if (declared?.grade === 'not_applicable' && declared.detail === 'supported_false')
    return inapplicable('supported_false', declared.text)
  if (needsDedup && learned.mode === 'none')
    return inapplicable('no_dedup', 'keys are not looked at, as replay_equal says')
  return undefined
}

async function runPhase(world: World, phase: PhaseName, run: (probe: Probe) => Promise<Verdict>): Promise<PhaseResult> {
  const probe = new Probe(world)
  const begun = world.clock.monotonic()
  const verdict = await run(probe).catch((error: unknown) => {
    if (error instanceof PhaseOver) return error.verdict
    if (error instanceof NoAnswer) return inapplicable('no_answer', error.message)
    throw error
  })
  return { phase, verdict, ms: Math.round(world.clock.monotonic() - begun), ...probe.tally() }
}

const notSelected = (phase: PhaseName): PhaseResult => ({
  phase,
  verdict: { grade: 'not_selected' },
  ms: 0,
  attempts: 0,
  statuses: {},
  ids: [],
})

/** Removes what was made; resolves to how much of it is left. */
async function cleanUp({ kit, client, templates, identify, made }: World): Promise<number> {
  if (kit.cleanup === undefined) return made.size
  const { method, path } = kit.cleanup
  const headers = { ...kit.request.headers, ...identify('first') }
  let left = 0
  for (const id of made) {
    const reply = await client.send({ method, path: templates.path(path, id), headers }, true).catch(() => undefined)
    if (reply === undefined || reply.status >= 400) left++
  }
  return left
}
