import { derivedProfile } from '../conformance/derived-profile.js'
import { countGrades, reasonOf } from '../conformance/json-report.js'
import type { PhaseResult, RunResult } from '../conformance/run.js'
import { type Paint, table } from './paint.js'
import { describeSpan } from './span.js'

/** One line per phase, what is worth knowing below, and what the target turned out to be. */
export function conformanceReport(run: RunResult, paint: Paint): string {
  const { kit, proxy, phases, made, left, ms } = run
  const through = proxy === undefined ? '' : `, through ${new URL(proxy).host}`
  const title = `${paint('bold', 'mulligan conformance idempotency')}: ${kit.name} at ${kit.target} (${kit.profile})${through}`
  const rows = phases.map(result => [gradeOf(result, paint), result.phase, reasonOf(result) ?? '', textOf(result)])
  const notes = phases.flatMap(({ phase, verdict }) =>
    verdict.grade === 'not_selected' ? [] : verdict.advisories.map(({ text }) => `note: ${phase}: ${text}\n`),
  )
  const kept = left === 0 || made === 0 ? '' : `note: ${left} of ${made} resources that were made are still there\n`
  return `${title}\n\n${table(rows, '  ')}\n${notes.join('')}${kept}\n${profileOf(run, paint)}\n${summary(phases, ms, paint)}\n`
}

function gradeOf({ verdict }: PhaseResult, paint: Paint): string {
  switch (verdict.grade) {
    case 'pass':
      return paint('green', 'pass')
    case 'fail':
      return paint('red', 'FAIL')
    case 'not_applicable':
      return paint('yellow', 'n/a')
    case 'not_selected':
      return paint('dim', '-')
  }
}

const textOf = ({ verdict }: PhaseResult): string => (verdict.grade === 'not_selected' ? 'not selected' : verdict.text)

function profileOf(run: RunResult, paint: Paint): string {
  const { mode, in_flight, mismatch, mismatch_status, on_4xx, on_5xx, on_429, marker } = derivedProfile(run)
  const status = mismatch_status === null ? '' : ` (${mismatch_status})`
  const rows = [
    ['repeat', `${mode}${marker === null ? '' : `, marked by ${marker}`}`],
    ['while it runs', in_flight],
    ['other body', `${mismatch}${status}`],
    ['after 4xx, 5xx, 429', `${on_4xx}, ${on_5xx}, ${on_429}`],
  ]
  return `${paint('bold', 'The target:')}\n${table(rows, '  ')}`
}

function summary(phases: readonly PhaseResult[], ms: number, paint: Paint): string {
  const { pass, fail, not_applicable, not_selected } = countGrades(phases)
  const failures = paint(fail > 0 ? 'red' : 'green', `${fail} failed`)
  const others = not_selected === 0 ? '' : `, ${not_selected} not selected`
  return `${pass} passed, ${failures}, ${not_applicable} not applicable${others} ${paint('dim', `(${describeSpan(ms / 1_000)})`)}`
}
