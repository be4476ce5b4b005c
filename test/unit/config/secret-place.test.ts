import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { SecretRef } from '../../../src/config/config.js'
import { SecretError, secretReader } from '../../../src/config/secret.js'
import { placeSecretError } from '../../../src/config/secret-place.js'
import { shortDir } from '../../support/short-dir.js'

t.test('a secret that cannot be read is reported where the file names it', async t => {
  const folder = shortDir(t)
  const file = join(folder, 'mulligan.yaml')
  writeFileSync(
    file,
    `listen:
  auth: { username: ann, password: { file: ./password } }
credentials:
  a: { source: { env: NO_SUCH_VARIABLE } }
wallets: { main: { evm: { key: { exec: [/nowhere/program, word] } } } }
`,
  )
  const rows: [SecretRef, RegExp][] = [
    [
      { file: join(folder, 'password') },
      /mulligan\.yaml:2:36: listen\.auth\.password: cannot read .*password: ENOENT$/,
    ],
    [{ env: 'NO_SUCH_VARIABLE' }, /:4:16: credentials\.a\.source: environment variable NO_SUCH_VARIABLE is not set$/],
    [{ exec: ['/nowhere/program', 'word'] }, /:5:32: wallets\.main\.evm\.key: \/nowhere\/program failed: ENOENT$/],
  ]
  for (const [ref, message] of rows) {
    const error: unknown = await secretReader(ref, {})().catch((reason: unknown) => reason)
    if (!(error instanceof SecretError)) throw new Error('it could be read')
    t.match(placeSecretError(error, file, {})?.message, message)
  }
  const elsewhere = new SecretError('gone', { env: 'ANOTHER' })
  t.equal(placeSecretError(elsewhere, file, {}), undefined, 'the file does not name it')
  t.equal(placeSecretError(elsewhere, join(folder, 'nowhere.yaml'), {}), undefined)
  t.equal(placeSecretError(new SecretError('gone'), file, {}), undefined)
})
