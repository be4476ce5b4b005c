import fc from 'fast-check'
import t from 'tap'
import { decodeAnswer, encodeAnswer } from '../../../src/idempotency/stored-answer.js'
import { holds } from '../../support/property.js'

const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)) })
const answers = fc
  .tuple(fc.integer({ min: 200, max: 599 }), text, fc.array(fc.tuple(text, text)), fc.uint8Array())
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
