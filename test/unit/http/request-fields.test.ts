import { test } from 'tap'
import { checkRequest } from '../../../src/http/request-fields.js'

test('F2: what is let through comes with its framing, its Host and its expectation', t => {
  const fields = ['Host', 'A.test:80', 'Content-Length', '05', 'Expect', '100-continue']
  t.same(checkRequest(fields, 'PUT', '1.1'), {
    version: '1.1',
    framing: { kind: 'length', length: 5 },
    host: 'A.test:80',
    expectContinue: true,
  })
  t.end()
})

test('F2: what is refused comes with a reason, and a status where it is not 400', t => {
  t.same(checkRequest([], 'GET', '1.1'), { refuse: 'missing or malformed Host' })
  t.same(checkRequest(['Host', 'a', 'Expect', 'x'], 'GET', '1.1'), { refuse: 'unknown expectation', status: 417 })
  t.end()
})
