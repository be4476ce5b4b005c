import t, { type Test } from 'tap'
import type { ClientAnswer } from '../../../src/exchange/lane.js'
import { WithheldAnswer } from '../../../src/exchange/withheld-answer.js'

/** What the client was given, and how what is waited for comes. */
function scene(): { readonly answer: WithheldAnswer; readonly given: string[]; readonly written: () => void } {
  const given: string[] = []
  const to: ClientAnswer = {
    inform: status => given.push(`inform ${status}`),
    begin: (status, _reason, _fields, length) => given.push(`begin ${status} ${length}`),
    flush: () => given.push('flush'),
    write: chunk => given.push(`write ${chunk}`) > 0,
    end: trailers => given.push(`end ${trailers.join()}`),
    abort: () => given.push('abort'),
    upgrade: () => {
      throw new Error('no upgrade')
    },
  }
  const waiting: (() => void)[] = []
  const answer = new WithheldAnswer(to, then => waiting.push(then))
  return {
    answer,
    given,
    written: () => {
      for (const then of waiting.splice(0)) then()
    },
  }
}

const since = (given: string[]): string[] => given.splice(0)

t.test('I7: of a known length the last bytes wait, and nothing before them', (t: Test) => {
  const { answer, given, written } = scene()
  answer.inform(103, 'Early Hints', [])
  answer.begin(200, 'OK', [], 6)
  answer.flush()
  t.ok(answer.write(Buffer.from('abc')))
  t.strictSame(since(given), ['inform 103', 'begin 200 6', 'flush', 'write abc'])
  t.ok(answer.write(Buffer.from('def')), 'an upstream is not paused for it')
  answer.write(Buffer.alloc(0))
  answer.flush()
  answer.end([])
  t.strictSame(
    since(given).filter(what => what !== 'flush'),
    [],
  )
  written()
  t.strictSame(since(given), ['write def', 'end '])
  t.end()
})

t.test('I7: of an unknown length only the end waits: its bytes are not whole without it', t => {
  const { answer, given, written } = scene()
  answer.begin(200, 'OK', [], undefined)
  answer.write(Buffer.from('abc'))
  answer.end(['A', 'b'])
  t.strictSame(since(given), ['begin 200 undefined', 'write abc'])
  written()
  t.strictSame(since(given), ['end A,b'])
  t.end()
})

t.test('I7: a head that is all there is waits, also where an empty body is written', t => {
  const { answer, given, written } = scene()
  answer.begin(204, 'No Content', [], 0)
  answer.flush()
  answer.write(Buffer.alloc(0))
  answer.end([])
  t.strictSame(since(given), [])
  written()
  t.strictSame(since(given), ['begin 204 0', 'end '])
  t.end()
})

t.test('FP-18: a break is not waited for', t => {
  const { answer, given } = scene()
  answer.begin(200, 'OK', [], 6)
  answer.write(Buffer.from('abc'))
  answer.abort()
  t.strictSame(since(given), ['begin 200 6', 'write abc', 'abort'])
  t.end()
})

t.test('L9: whose client left while it waited is for nobody', t => {
  const { answer, given, written } = scene()
  answer.begin(200, 'OK', [], 3)
  answer.write(Buffer.from('abc'))
  answer.end([])
  since(given)
  answer.drop()
  written()
  t.strictSame(since(given), [])
  t.end()
})
