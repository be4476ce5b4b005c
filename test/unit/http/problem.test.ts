import { test } from 'tap'
import { problemBody } from '../../../src/http/problem.js'

test('a problem document has its members in one order and leaves out what is not known', t => {
  const problem = { title: 'T', status: 502, detail: 'd "q"', code: 'reset', exchange: 'x1' }
  const start =
    '{"type":"urn:mulligan:fault:reset","title":"T","status":502,"detail":"d \\"q\\"","code":"reset","exchange":"x1"'
  t.equal(problemBody(problem).toString(), `${start}}\n`)
  const full = problemBody({ outcome: 'unknown', retry_after: 3, ...problem })
  t.equal(full.toString(), `${start},"retry_after":3,"outcome":"unknown"}\n`)
  t.end()
})
