import { countGrades, reasonOf } from './json-report.js'
import type { PhaseResult, RunResult } from './run.js'

/** The report for build servers: a suite per kit, a case per phase; `skipped` is what says nothing. */
export function junitReport({ kit, phases, ms, startedAt }: RunResult): string {
  const { fail, not_applicable, not_selected } = countGrades(phases)
  const counts = `tests="${phases.length}" failures="${fail}" errors="0" skipped="${not_applicable + not_selected}"`
  const time = `time="${(ms / 1_000).toFixed(3)}" timestamp="${new Date(startedAt).toISOString().slice(0, 19)}"`
  const cases = phases.map(result => testCase(kit.name, result)).join('\n')
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="mulligan conformance idempotency" ${counts}>
  <testsuite name="${xml(kit.name)}" hostname="${xml(new URL(kit.target).host)}" ${counts} ${time}>
${cases}
  </testsuite>
</testsuites>
`
}

function testCase(suite: string, result: PhaseResult): string {
  const { phase, verdict, ms } = result
  const open = `    <testcase classname="${xml(suite)}" name="${phase}" time="${(ms / 1_000).toFixed(3)}"`
  if (verdict.grade === 'not_selected') return `${open}>\n      <skipped message="not_selected"/>\n    </testcase>`
  const notes = verdict.advisories.map(({ code, text }) => `${code}: ${text}`).join('\n')
  const out = notes === '' ? '' : `\n      <system-out>${xml(notes)}</system-out>`
  const reason = reasonOf(result)
  if (reason === undefined) return out === '' ? `${open}/>` : `${open}>${out}\n    </testcase>`
  const body =
    verdict.grade === 'fail'
      ? `<failure type="${reason}" message="${xml(verdict.text)}"/>`
      : `<skipped message="${xml(`${reason}: ${verdict.text}`)}"/>`
  return `${open}>\n      ${body}${out}\n    </testcase>`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Text inside XML 1.0; characters that it cannot hold at all become dots, a line feed stays one. */
const xml = (text: string): string =>
  text
    .replaceAll(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '.')
    .replaceAll(/[&<>"]/g, char => ENTITIES[char] ?? char)
