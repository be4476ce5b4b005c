import pino from 'pino'
import t from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { LocalAuthority } from '../../../src/listener/local-authority.js'
import { systemClock } from '../../../src/time/clock.js'

t.test('F7: what was made ready for a configuration is in force when it is, and not before', async t => {
  const state = t.testdir({})
  const configOf = (more: string) =>
    parseConfig(
      '/m.yaml',
      `state: ${state}\n${more}\nroutes: [{ name: a, match: { host: api.example.com }, tls: intercept }]\n`,
      {},
    ).config
  const authority = new LocalAuthority(systemClock, pino({ level: 'silent' }), undefined)
  const first = await authority.prepare(configOf(''))
  t.equal(authority.tlsEnd, undefined)
  t.equal(authority.pem, undefined)
  first()
  const { tlsEnd, pem } = authority
  t.strictSame(tlsEnd?.protocols, ['h2', 'http/1.1'])
  t.match(pem, /BEGIN CERTIFICATE/)
  await authority.prepare(configOf('intercept: { h2: false }'))
  await authority.prepare(configOf('intercept: { mode: off }'))
  t.equal(authority.tlsEnd, tlsEnd, 'two that were refused')
  t.equal(authority.pem, pem)
  const off = await authority.prepare(configOf('intercept: { mode: off }'))
  off()
  t.equal(authority.tlsEnd, undefined)
})
