import { test } from 'tap'
import { isSafeToRepeat, isToken } from '../../../src/http/method.js'

test('R1: only methods known to be idempotent may be repeated', t => {
  for (const safe of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE']) t.ok(isSafeToRepeat(safe), safe)
  for (const bare of ['POST', 'PATCH', 'CONNECT', 'get', 'PROPFIND', '']) t.notOk(isSafeToRepeat(bare), bare)
  t.end()
})

test('a token has no separators', t => {
  for (const token of ['GET', 'a', "!#$%&'*+-.^_`|~09az"]) t.ok(isToken(token), token)
  for (const text of ['', 'a b', 'a:', '"a"', 'a/b', 'a\n', '\xe9', '{}']) t.notOk(isToken(text), text)
  t.end()
})
