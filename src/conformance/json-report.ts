import { redactUrl } from '../http/redact.js'
import { type DerivedProfile, derivedProfile } from './derived-profile.js'
import type { PhaseResult, RunResult } from './run.js'
import type { Advisory, PhaseName } from './verdict.js'

type Grade = PhaseResult['verdict']['grade']

/** The report as data; ids are hashed, keys and secrets are not in it. */
export type JsonReport = {
  readonly schema_version: 1
  readonly kit: string
  readonly target: string
  readonly proxy: string | null
  readonly profile: string
  readonly started_at: string
  readonly ms: number
  readonly summary: Readonly<Record<Grade, number>> & {
    /** How often each fail code and each reason for saying nothing came. */
    readonly by_reason: Readonly<Record<string, number>>
  }
  readonly phases: readonly JsonPhase[]
  readonly made: number
  readonly left: number
  readonly derived_profile: DerivedProfile
}

type JsonPhase = {
  readonly phase: PhaseName
  readonly grade: Grade
  readonly code?: string
  readonly detail?: string
  readonly text?: string
  readonly advisories: readonly Advisory[]
  readonly attempts: number
  readonly ms: number
  readonly statuses: Readonly<Record<string, number>>
  readonly ids: readonly string[]
}

/** Turns a run into its report. */
export function jsonReport(run: RunResult): JsonReport {
  const { kit, proxy, startedAt, ms, phases, made, left } = run
  return {
    schema_version: 1,
    kit: kit.name,
    target: kit.target,
    proxy: proxy === undefined ? null : redactUrl(proxy),
    profile: kit.profile,
    started_at: new Date(startedAt).toISOString(),
    ms: Math.round(ms),
    summary: { ...countGrades(phases), by_reason: countReasons(phases) },
    phases: phases.map(jsonPhase),
    made,
    left,
    derived_profile: derivedProfile(run),
  }
}

/** How many phases have each grade. */
export function countGrades(phases: readonly PhaseResult[]): Record<Grade, number> {
  const counts = { pass: 0, fail: 0, not_applicable: 0, not_selected: 0 }
  for (const { verdict } of phases) counts[verdict.grade]++
  return counts
}

/** The fail code, or why the phase says nothing. */
export function reasonOf({ verdict }: PhaseResult): string | undefined {
  if (verdict.grade === 'fail') return verdict.code
  return verdict.grade === 'not_applicable' ? verdict.detail : undefined
}

function countReasons(phases: readonly PhaseResult[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const reason of phases.map(reasonOf)) {
    if (reason !== undefined) counts[reason] = (counts[reason] ?? 0) + 1
  }
  return counts
}

function jsonPhase({ phase, verdict, attempts, ms, statuses, ids }: PhaseResult): JsonPhase {
  const common = { phase, grade: verdict.grade, advisories: [], attempts, ms, statuses, ids }
  if (verdict.grade === 'not_selected') return common
  const { text, advisories } = verdict
  if (verdict.grade === 'fail') return { ...common, code: verdict.code, text, advisories }
  if (verdict.grade === 'not_applicable') return { ...common, detail: verdict.detail, text, advisories }
  return { ...common, text, advisories }
}
