import t from 'tap'
import { mayCarry } from '../../../src/http/cleartext.js'

const http = (host: string, direct = true) => ({ scheme: 'http', host, direct }) as const

t.test('T5: in cleartext a credential only stays on this machine', t => {
  const rows: [string, boolean][] = [
    ['localhost', true],
    ['127.0.0.1', true],
    ['127.255.255.254', true],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['::ffff:127.0.0.1', true],
    ['::ffff:7f00:1', true],
    ['api.example.com', false],
    ['localhost.example.com', false],
    ['api.localhost', false],
    ['127.0.0.1.example.com', false],
    ['127.1', false],
    ['128.0.0.1', false],
    ['10.0.0.1', false],
    ['0.0.0.0', false],
    ['::', false],
    ['::2', false],
    ['::127.0.0.1', false],
    ['::ffff:128.0.0.1', false],
    ['7f00::1', false],
    ['', false],
  ]
  for (const [host, may] of rows) t.equal(mayCarry(http(host), false), may, host)
  t.end()
})

t.test('T5: the loopback behind a next proxy is not ours', t => {
  for (const host of ['localhost', '127.0.0.1', '::1']) t.notOk(mayCarry(http(host, false), false), host)
  t.end()
})

t.test('T5: https and the word of the operator allow any host and way', t => {
  for (const direct of [true, false]) {
    t.ok(mayCarry({ scheme: 'https', host: 'api.example.com', direct }, false))
    t.ok(mayCarry(http('api.example.com', direct), true))
  }
  t.end()
})
