import t from 'tap'
import { junitReport } from '../../../src/conformance/junit.js'
import { parseKit } from '../../../src/conformance/load-kit.js'
import type { RunResult } from '../../../src/conformance/run.js'
import { failed } from '../../../src/conformance/verdict.js'

t.test('what a target says cannot break out of the report', t => {
  const kit = parseKit(
    'kit.yaml',
    'target: http://x\nrequest: { path: /x, body: { a: 1 } }\nid: /id\nmutate: { pointer: /a, value: 2 }\n',
  )
  const text = 'answered 400 "><failure x=\'&\u0000\u001b[31m\ufffe\ud800'
  const verdict = failed('replay_differs', text, { advisories: [{ code: 'odd', text: ']]></system-out>' }] })
  const phase = { phase: 'replay_equal', verdict, ms: 1, attempts: 1, statuses: {}, ids: [] } as const
  const run: RunResult = { kit, proxy: undefined, startedAt: 0, ms: 1, phases: [phase], learned: {}, made: 0, left: 0 }
  const report = junitReport(run)
  t.match(report, `message="answered 400 &quot;&gt;&lt;failure x='&amp;..[31m..`)
  t.match(report, '<system-out>odd: ]]&gt;&lt;/system-out&gt;</system-out>')
  t.notMatch(report, /[^\n\x20-\x7e]/)
  t.end()
})
