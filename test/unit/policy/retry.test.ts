import t from 'tap'
import { RULED_OUT } from '../../../src/faults.js'
import { decideRetry, isExhaustion } from '../../../src/policy/retry.js'
import { type Decision, type MethodClass, PHASES, type Phase, type Why } from '../../../src/policy/types.js'
import { millis, seconds } from '../../../src/time/units.js'
import { outcome, play, rehearse, type Scene, type Step } from '../../support/play.js'
import { ANSWERED, ANSWERS, FAULTED, STATUSES } from '../../support/r1-oracle.js'
import { firstAttempt, retrySettings, someFacts } from '../../support/retry-settings.js'

const CLASSES: MethodClass[] = ['safe', 'keyed', 'bare', 'resumable']
/** Of the oracle's columns for faults: what resumes is keyed too. */
const COLUMNS = [0, 1, 2, 1] as const

const first = (step: Step, scene: Scene = {}): Decision => rehearse([step], scene)[0] as Decision

t.test('S18/R1: 12 phases x 4 classes x 25 answers decide as the table says', t => {
  let rows = 0
  const wrong: string[] = []
  for (const phase of PHASES) {
    for (const [c, methodClass] of CLASSES.entries()) {
      for (const [a, answer] of ANSWERS.entries()) {
        rows++
        const expected = phase === 'answered' ? letter(methodClass, a) : FAULTED[phase][COLUMNS[c] ?? 0]
        const found = decideRow(phase, methodClass, answer)
        if (found !== expected) wrong.push(`${phase} ${methodClass} ${answer}: ${found}, not ${expected}`)
      }
    }
  }
  t.equal(rows, 1_200)
  t.same(wrong, [], '1,200 of 1,200 agree with the oracle')
  t.end()
})

function letter(methodClass: MethodClass, answer: number): string | undefined {
  return ANSWERED[methodClass].replaceAll(' ', '')[answer]
}

/** A fault must not depend on which statuses the route refuses: there the answer's status is the only one listed. */
function decideRow(phase: Phase, methodClass: MethodClass, answer: string): string {
  const status = Number.parseInt(answer, 10)
  const statuses = phase === 'answered' ? STATUSES : [status]
  const step = phase === 'answered' ? `${status}${answer.endsWith('+') ? ':retry-after=2' : ''}` : phase
  const settings = retrySettings({ statuses })
  const decision = decideRetry(firstAttempt({ class: methodClass }), outcome(step), someFacts(), settings)
  return phase === 'answered' ? asLetter(decision) : asWords(decision)
}

function asLetter(decision: Decision): string {
  const letters: Partial<Record<Why, string>> = { final: '.', status: 'r', 'retry-after': 'h', 'unsafe-to-repeat': 'x' }
  return letters[decision.why] ?? decision.why
}

function asWords(decision: Decision): string {
  if (decision.act === 'return') return `STOP ${decision.why}`
  return decision.free ? `FREE ${decision.why}` : decision.why
}

t.test('R1: a 409 that an earlier try of ours explains is waited for, with a key only', t => {
  const rows: [Step[], Scene, string][] = [
    [['409:retry-after=2'], { attempt: { class: 'keyed' } }, '1:return(final)'],
    [
      ['reset', '409:retry-after=2', 200],
      { attempt: { class: 'keyed' } },
      '1:retry(network) 2:retry(retry-after) 3:return(final)',
    ],
    [['reset', 409], { attempt: { class: 'keyed' } }, '1:retry(network) 2:return(final)'],
    [['connect', '409:retry-after=2'], { attempt: { class: 'bare' } }, '1:retry(never-sent) 2:return(final)'],
  ]
  for (const [script, scene, trace] of rows) t.equal(play(script, scene), trace, script.join(' '))
  t.end()
})

t.test('R1: a script of outcomes plays to this trace', t => {
  const rows: [Step[], Scene, string][] = [
    [[503, 200], {}, '1:retry(status) 2:return(final)'],
    [['429:retry-after=2', 200], {}, '1:retry(retry-after) 2:return(final)'],
    [[503, 503, 503], {}, '1:retry(status) 2:retry(status) 3:return(attempts-exhausted)'],
    [['connect', 'reset', 200], {}, '1:retry(never-sent) 2:retry(network) 3:return(final)'],
    [
      ['stale', 503, 503, 503],
      {},
      '1:retry(stale-connection) 2:retry(status) 3:retry(status) 4:return(attempts-exhausted)',
    ],
    [['stale', 'stale', 200], {}, '1:retry(stale-connection) 2:retry(network) 3:return(final)'],
    [['stale', 'stale'], { settings: { network: false } }, '1:retry(stale-connection) 2:return(retry-off)'],
    [[421, 421], {}, '1:retry(status) 2:return(final)'],
    [[503], { attempt: { class: 'bare' } }, '1:return(unsafe-to-repeat)'],
    [['connect', 'reset'], { attempt: { class: 'bare' } }, '1:retry(never-sent) 2:return(unsafe-to-repeat)'],
    [[500, 200], { settings: { statuses: [429] } }, '1:return(final)'],
    [[429, 200], { settings: { statuses: [500] } }, '1:return(final)'],
    [['503:retry-after=2'], { settings: { statuses: [500] } }, '1:return(final)'],
    [['503:retry-after=40', '503:retry-after=40'], {}, '1:retry(retry-after) 2:return(wait-too-long)'],
    [['answered', 200], {}, '1:retry(network) 2:return(final)'],
  ]
  for (const [script, scene, trace] of rows) t.equal(play(script, scene), trace, script.join(' '))
  t.end()
})

t.test('R2: non_idempotent always repeats what may have acted, keyed does not widen the statuses', t => {
  const rows: [Step, MethodClass, 'never' | 'keyed' | 'always', string][] = [
    [500, 'bare', 'always', 'status'],
    [500, 'keyed', 'always', 'status'],
    [500, 'keyed', 'keyed', 'unsafe-to-repeat'],
    ['reset', 'keyed', 'never', 'network'],
    ['reset', 'keyed', 'keyed', 'network'],
    ['reset', 'bare', 'keyed', 'unsafe-to-repeat'],
    ['reset', 'bare', 'always', 'network'],
    ['timeout', 'bare', 'always', 'network'],
    ['stale', 'bare', 'always', 'stale-connection'],
    [409, 'bare', 'always', 'final'],
    [400, 'bare', 'always', 'final'],
  ]
  for (const [step, methodClass, non_idempotent, why] of rows) {
    const scene: Scene = { attempt: { class: methodClass }, settings: { non_idempotent } }
    t.equal(first(step, scene).why, why, `${step} ${methodClass} ${non_idempotent}`)
  }
  t.end()
})

t.test('R1: with retries off nothing is repeated, and the log can tell what could have been', t => {
  for (const phase of PHASES.filter(phase => phase !== 'committed' && phase !== 'certificate')) {
    t.equal(play([phase], { settings: 'off' }), '1:return(retry-off)', phase)
  }
  for (const status of [408, 421, 425, 429, 500, 502, 503, 504, 529]) {
    t.equal(play([status], { settings: 'off' }), '1:return(retry-off)', String(status))
  }
  for (const status of [200, 301, 400, 401, 402, 404, 409, 501, 505]) {
    t.equal(play([status], { settings: 'off' }), '1:return(final)', String(status))
  }
  t.equal(play(['committed'], { settings: 'off' }), '1:return(committed)')
  t.equal(play(['certificate'], { settings: 'off' }), '1:return(certificate)')
  t.end()
})

t.test('R1: of several reasons to stop, the strongest is named', t => {
  const hopeless: Scene = {
    settings: { attempts: 1 },
    attempt: { class: 'bare', repeatable: false },
    facts: { timeLeft: millis(0), budget: false },
  }
  t.equal(first('committed', hopeless).why, 'committed')
  t.equal(first('certificate', hopeless).why, 'certificate')
  t.equal(first('503:x-should-retry=false', hopeless).why, 'veto')
  t.equal(first(503, hopeless).why, 'unsafe-to-repeat')
  const safe: Scene = { ...hopeless, attempt: { repeatable: false } }
  t.equal(first(503, safe).why, 'body-not-kept')
  const kept: Scene = { ...hopeless, attempt: {} }
  t.equal(first(503, kept).why, 'attempts-exhausted')
  const more: Scene = { ...kept, settings: { attempts: 2 } }
  t.equal(first(503, more).why, 'wait-too-long')
  t.equal(first('stale', more).why, 'wait-too-long', 'no time is left for a free repeat either')
  t.equal(first(503, { ...more, facts: { budget: false } }).why, 'budget-exhausted')
  t.end()
})

t.test('R5: a veto stops a repeat, an invitation widens the statuses but not the method rule', t => {
  const bare: Scene = { attempt: { class: 'bare' } }
  t.equal(first('429:stripe-should-retry=false').why, 'veto')
  t.equal(first('404:x-should-retry=false').why, 'final', 'nobody would have repeated it')
  t.equal(first('404:x-should-retry=true').why, 'status')
  t.equal(first('404:x-should-retry=true|retry-after=3').why, 'retry-after')
  t.equal(first('404:x-should-retry=true', bare).why, 'unsafe-to-repeat')
  t.equal(first('500:x-should-retry=true', bare).why, 'unsafe-to-repeat')
  t.equal(first('200:x-should-retry=true').why, 'final')
  for (const status of [401, 402, 407, 409])
    t.equal(first(`${status}:x-should-retry=true`).why, 'final', String(status))
  t.end()
})

t.test('R6: a hint is waited for, never cut, and given back when it does not fit', t => {
  const cap: Scene = { settings: { retry_after: { max: seconds(5), when_longer: 'cap' } } }
  const back: Scene = { settings: { retry_after: { max: seconds(5), when_longer: 'return' } } }
  const late = (timeLeft: number, scene: Scene = {}): Scene => ({ ...scene, facts: { timeLeft: seconds(timeLeft) } })
  t.match(first('429:retry-after=2'), { after: 2_200, hint: 2_000, why: 'retry-after' })
  t.match(first('429:retry-after=0'), { after: 10, hint: 0, why: 'retry-after' })
  t.match(first('429:retry-after=9', back), { act: 'return', why: 'wait-too-long' })
  t.match(first('429:retry-after=9', cap), { after: 5_000, hint: 9_000, why: 'retry-after-capped' })
  t.match(first('429:retry-after=9', late(5, cap)), { why: 'wait-too-long' })
  t.match(first('429:retry-after=3', late(3)), { why: 'wait-too-long' })
  t.match(first('429:retry-after=3', late(3.1)), { after: 3_050, why: 'retry-after' }, 'the jitter gives way')
  t.match(first(503, late(0.125)), { why: 'wait-too-long' }, 'a backoff must fit as well')
  t.match(first('429:retry-after=soon'), { after: 125, hint: undefined, why: 'status' })
  t.end()
})

t.test('R7/R8: an answer waits at the gate only with a hint, and costs no budget there', t => {
  const gate: Scene = { facts: { cooldown: new Set([429, 503]), budget: false } }
  t.match(first('429:retry-after=2', gate), { act: 'retry', gated: true })
  t.match(first('503:retry-after=2', gate), { act: 'retry', gated: true })
  t.match(first('502:retry-after=2', gate), { act: 'return', why: 'budget-exhausted' })
  t.match(first(429, gate), { act: 'return', why: 'budget-exhausted' })
  t.match(first('429:retry-after=2'), { act: 'retry', gated: false })
  t.match(first('stale', gate), { act: 'retry', free: true })
  const capped: Scene = { ...gate, settings: { retry_after: { max: seconds(1), when_longer: 'cap' } } }
  t.match(first('429:retry-after=2', capped), { why: 'budget-exhausted' }, 'a capped wait is early, so it is paid')
  t.match(rehearse(['429:retry-after=1', '429:retry-after=1', '429:retry-after=1'], gate), {
    2: { why: 'attempts-exhausted' },
  })
  t.end()
})

t.test('R1: a new connection is asked for after 408, 421, a stale socket and a reset', t => {
  for (const step of [408, 421, 'stale', 'reset']) t.match(first(step), { fresh: true }, String(step))
  for (const step of [429, 503, 'timeout', 'connect']) t.match(first(step), { fresh: false }, String(step))
  t.end()
})

t.test('R1: our own refusals are not repeated', t => {
  for (const fault of RULED_OUT) {
    const refusal = { kind: 'fault', fault, phase: 'dns', details: '' } as const
    t.match(decideRetry(firstAttempt(), refusal, someFacts(), retrySettings()), { act: 'return', why: 'final' })
  }
  t.end()
})

t.test('R1: connection faults are not repeated when network is off', t => {
  for (const phase of ['dns', 'connect', 'unsent', 'reset', 'timeout', 'junk']) {
    t.equal(play([phase], { settings: { network: false } }), '1:return(retry-off)', phase)
  }
  t.end()
})

t.test('R10: only used-up attempts and budget are exhaustion', t => {
  const whys: Why[] = ['attempts-exhausted', 'budget-exhausted', 'wait-too-long', 'final', 'unsafe-to-repeat', 'veto']
  t.same(whys.filter(isExhaustion), ['attempts-exhausted', 'budget-exhausted'])
  t.end()
})
