import t from 'tap'
import { countsAsFailure } from '../../../src/policy/breaker.js'
import { dialFault } from '../../../src/upstream/to-fault.js'

const failed = (code: string) => dialFault(Object.assign(new Error(code), { code }), false)

t.test('F30: that this machine has no file or memory left is told as such, and not held against an upstream', t => {
  for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']) {
    const fault = failed(code)
    t.strictSame(fault, { fault: 'connection_limit_reached', phase: 'unsent', details: code })
    t.notOk(countsAsFailure({ kind: 'fault', ...fault }), code)
  }
  t.ok(countsAsFailure({ kind: 'fault', ...failed('ECONNREFUSED') }))
  t.end()
})

t.test('what cannot be reached is named by why', t => {
  const rows = [
    ['ECONNREFUSED', 'connection_refused', 'connect'],
    ['ETIMEDOUT', 'connection_timeout', 'connect'],
    ['EHOSTUNREACH', 'destination_ip_unroutable', 'connect'],
    ['ENOTFOUND', 'dns_error', 'dns'],
    ['EAI_AGAIN', 'dns_timeout', 'dns'],
    ['CERT_HAS_EXPIRED', 'tls_certificate_error', 'certificate'],
  ] as const
  for (const [code, fault, phase] of rows) t.strictSame(failed(code), { fault, phase, details: code })
  t.end()
})
