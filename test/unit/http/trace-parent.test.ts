import t from 'tap'
import { readTraceParent } from '../../../src/http/trace-parent.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

t.test('a traceparent names the trace, its span, and whether it is recorded', t => {
  const cases: [string, string, boolean, boolean][] = [
    ['sampled', `00-${TRACE}-${SPAN}-01`, true, false],
    ['not sampled', `00-${TRACE}-${SPAN}-00`, false, false],
    ['drawn at random', `00-${TRACE}-${SPAN}-02`, false, true],
    ['flags that nobody knows yet', `00-${TRACE}-${SPAN}-fd`, true, false],
    ['a later version', `cc-${TRACE}-${SPAN}-01`, true, false],
    ['a later version with more at its end', `cc-${TRACE}-${SPAN}-01-what-the-future-brings`, true, false],
  ]
  for (const [name, value, sampled, random] of cases) {
    const parent = readTraceParent(['Host', 'a.test', 'TraceParent', value])
    t.strictSame(parent, { traceId: TRACE, spanId: SPAN, sampled, random }, name)
  }
  t.end()
})

t.test('a malformed traceparent is none', t => {
  const cases: [string, string][] = [
    ['empty', ''],
    ['no flags', `00-${TRACE}-${SPAN}`],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['more behind version 00', `00-${TRACE}-${SPAN}-01-more`],
    ['a later version that runs on', `cc-${TRACE}-${SPAN}-01.more`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a short trace', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['a long span', `00-${TRACE}-${SPAN}0-01`],
    ['no hexadecimal flags', `00-${TRACE}-${SPAN}-0g`],
    ['other dashes', `00_${TRACE}_${SPAN}_01`],
    ['two in one line', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['a line break', `00-${TRACE}-${SPAN}-01\n`],
  ]
  for (const [name, value] of cases) t.equal(readTraceParent(['traceparent', value]), undefined, name)
  t.equal(readTraceParent([]), undefined)
  const one = ['traceparent', `00-${TRACE}-${SPAN}-01`]
  t.equal(readTraceParent([...one, ...one]), undefined, 'two lines')
  t.end()
})
