import fc from 'fast-check'
import { test } from 'tap'
import { parseTarget } from '../../../src/http/request-target.js'

const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,6}$/)
const host = fc.array(label, { minLength: 1, maxLength: 3 }).map(labels => labels.join('.'))
const path = fc.stringMatching(/^\/[\x21\x22\x24-\x7e]{0,12}$/)
const port = fc.integer({ min: 1, max: 65_535 })

test("FP-14: the bytes of the path are the client's", t => {
  fc.assert(
    fc.property(host, port, path, (name, number, text) => {
      const target = parseTarget('GET', `http://${name}:${number}${text}`)
      return target?.form === 'absolute' && target.host === name && target.port === number && target.path === text
    }),
    { seed: 7 },
  )
  t.end()
})

test('any text is a target or is not, and never throws', t => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string().map(end => `http://${end}`),
  )
  fc.assert(
    fc.property(text, fc.constantFrom('GET', 'CONNECT', 'OPTIONS'), (raw, method) => {
      const target = parseTarget(method, raw)
      return target === undefined || (target.form === 'authority') === (method === 'CONNECT')
    }),
    { seed: 7 },
  )
  t.end()
})
