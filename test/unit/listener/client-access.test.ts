import t from 'tap'
import { createClientAccess } from '../../../src/listener/client-access.js'

t.test('T4: a client that left before anybody could ask who it was is denied, where it matters who it is', t => {
  const basic = ['Proxy-Authorization', `Basic ${Buffer.from('ann:word').toString('base64')}`]
  t.equal(createClientAccess(undefined, []).check([], undefined, false), undefined)
  t.equal(createClientAccess(undefined, ['10.0.0.0/8']).check([], undefined, false), 'client_denied')
  t.equal(createClientAccess('ann:word', []).check(basic, undefined, false), 'client_denied')
  t.equal(createClientAccess('ann:word', []).check([], undefined, true), undefined, 'a unix socket has no address')
  t.equal(createClientAccess('ann:word', []).check(basic, '10.0.0.1', false), undefined)
  t.equal(createClientAccess('ann:word', []).check([], '127.0.0.1', false), 'proxy_auth_required')
  t.end()
})
