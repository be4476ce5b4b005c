import t from 'tap'
import { SecretError } from '../../../src/config/secret.js'
import { failureOf, revived } from '../../../src/workers/failure.js'

t.test('F7: a secret that a worker cannot read still names where it should have come from', t => {
  const ref = { file: '/run/secrets/password' }
  const error = revived(structuredClone(failureOf(new SecretError('cannot read it', ref))))
  t.ok(error instanceof SecretError)
  t.match(error, { message: 'cannot read it', ref })
  t.equal('ref' in failureOf(new SecretError('read nowhere')), false)
  t.end()
})
