import t from 'tap'
import { classify } from '../../../src/policy/method-class.js'

t.test('R1: the class of a request follows from its method, then from its key', t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE']) {
    t.equal(classify(method, false), 'safe', method)
    t.equal(classify(method, true), 'safe', `${method} with a key`)
  }
  for (const method of ['POST', 'PATCH', 'LOCK', 'MKCOL', 'CONNECT', 'get', 'Put', '']) {
    t.equal(classify(method, false), 'bare', method)
    t.equal(classify(method, true), 'keyed', `${method} with a key`)
  }
  t.end()
})
