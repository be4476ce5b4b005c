import t from 'tap'
import { classify } from '../../../src/policy/method-class.js'

t.test('R1: the class of a request follows from its method, then from what the upstream does with its key', t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE']) {
    t.equal(classify(method, 'none'), 'safe', method)
    t.equal(classify(method, 'resume'), 'safe', `${method} with a key`)
  }
  for (const method of ['POST', 'PATCH', 'LOCK', 'MKCOL', 'CONNECT', 'get', 'Put', '']) {
    t.equal(classify(method, 'none'), 'bare', method)
    for (const honours of ['replay', 'reject'] as const)
      t.equal(classify(method, honours), 'keyed', `${method} ${honours}`)
    t.equal(classify(method, 'resume'), 'resumable', `${method} resume`)
  }
  t.end()
})
