import fc from 'fast-check'
import t from 'tap'
import { decodeAnswer, encodeAnswer } from '../../../src/idempotency/stored-answer.js'
import { holds } from '../../support/property.js'

const text = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,12}$/)
const name = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/)
const answers = fc
  .tuple(fc.integer({ min: 200, max: 599 }), text, fc.array(fc.tuple(name, text)), fc.uint8Array())
  .map(([status, reason, pairs, bytes]) => ({ status, reason, fields: pairs.flat(), body: Buffer.from(bytes) }))

t.test('an answer comes out of the store as it went in, for its own claim alone', t => {
  holds(
    t,
    fc.property(answers, answer => {
      const kept = encodeAnswer('owner', answer)
      t.strictSame(decodeAnswer(kept, 'owner'), answer)
      if (decodeAnswer(kept, 'another') !== undefined) throw new Error('it answered another claim')
    }),
    100,
  )
  t.end()
})

t.test('what is cut or garbled in front of the body is no answer', t => {
  const kept = encodeAnswer('owner', { status: 200, reason: 'OK', fields: ['A', 'b'], body: Buffer.from('body') })
  const bodyAt = kept.length - 4
  for (let cut = 0; cut < bodyAt; cut++) t.equal(decodeAnswer(kept.subarray(0, cut), 'owner'), undefined)
  for (const at of [0, 1, 2, 5, bodyAt - 1]) {
    const garbled = Buffer.from(kept)
    garbled[at] = 0xff
    t.equal(decodeAnswer(garbled, 'owner'), undefined)
  }
  t.end()
})

t.test('an answer that no client could be sent is none', t => {
  const whole = { status: 200, reason: 'OK', fields: ['A', 'b'], body: Buffer.alloc(0) }
  for (const damage of [
    { status: 99 },
    { status: 1e9 },
    { reason: 'O\uFFFDK' },
    { fields: ['A b', 'c'] },
    { fields: ['A', '\n'] },
  ])
    t.equal(decodeAnswer(encodeAnswer('owner', { ...whole, ...damage }), 'owner'), undefined, JSON.stringify(damage))
  t.end()
})
