import { spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { addr } from 'micro-eth-signer'
import { privToLegacyKeystore } from 'micro-eth-signer/keystore.js'
import t, { type Test } from 'tap'
import type { SecretRef } from '../../../src/config/config.js'
import type { SignerSettings } from '../../../src/config/wallet.js'
import { openSigner } from '../../../src/signer/open-signer.js'
import { systemClock } from '../../../src/time/clock.js'
import { testKey, typedData } from '../../support/x402/typed-data.js'

const KEY = testKey(5)
const ADDRESS = addr.fromPrivateKey(KEY)
const WORLD = { env: { KEY, EMPTY: '' }, clock: systemClock, ca: undefined }

const settings = (key: SecretRef, more: Partial<SignerSettings> = {}): SignerSettings => ({
  source: { kind: 'key', key },
  address: undefined,
  shared: false,
  ...more,
})

function file(t: Test, text: string, mode = 0o600): string {
  const path = join(t.testdir(), `secret-${mode}`)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

t.test('a key from wherever it is gives its address, with or without 0x and a newline', async t => {
  const refs: SecretRef[] = [
    { env: 'KEY' },
    { literal: KEY.slice(2) },
    { file: file(t, `${KEY}\n`) },
    { exec: [process.execPath, '-p', `'${KEY}'`] },
  ]
  for (const ref of refs) t.equal((await openSigner(settings(ref), WORLD))?.address, ADDRESS)
})

t.test('P11: a key file that others can read is refused, unless the operator said so', async t => {
  for (const mode of [0o604, 0o640, 0o660, 0o601, 0o644, 0o444]) {
    const path = file(t, KEY, mode)
    const refused = { name: 'SignerError', message: /can be read by others \(mode 0\d{3}\): chmod 600/ }
    await t.rejects(openSigner(settings({ file: path }), WORLD), refused, mode.toString(8))
    t.equal((await openSigner(settings({ file: path }, { shared: true }), WORLD))?.address, ADDRESS)
  }
  t.equal((await openSigner(settings({ file: file(t, KEY, 0o400) }), WORLD))?.address, ADDRESS)
})

t.test('what is no key says so without repeating it', async t => {
  const order = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'
  const rows: [SecretRef, RegExp][] = [
    [{ literal: 'correct horse battery staple' }, /^the private key is not 32 bytes in hex$/],
    [{ literal: KEY.slice(0, -1) }, /^the private key is not 32 bytes in hex$/],
    [{ literal: order }, /^the private key is no key of this curve$/],
    [{ literal: '0'.repeat(64) }, /^the private key is no key of this curve$/],
    [{ env: 'NONE' }, /^environment variable NONE is not set$/],
    [{ file: join(t.testdir(), 'none') }, /^cannot read .*none: ENOENT$/],
    [{ file: t.testdir() }, /is no regular file$/],
    [{ file: file(t, 'x'.repeat(70_000)) }, /is longer than 64 KiB$/],
  ]
  for (const [ref, message] of rows) await t.rejects(openSigner(settings(ref), WORLD), { name: 'SignerError', message })
})

t.test('a pipe in place of a key file is refused at once', async t => {
  const path = join(t.testdir(), 'pipe')
  const { status } = spawnSync('sh', ['-c', 'mkfifo -m 600 "$0"', path])
  if (status !== 0) return void t.comment('not tested: there is no mkfifo here')
  await t.rejects(openSigner(settings({ file: path }), WORLD), { message: /is no regular file$/ })
})

t.test('the address of the file must be that of the key', async t => {
  const other = `0x${'12'.repeat(20)}`
  t.equal((await openSigner(settings({ env: 'KEY' }, { address: ADDRESS.toLowerCase() }), WORLD))?.address, ADDRESS)
  await t.rejects(openSigner(settings({ env: 'KEY' }, { address: other }), WORLD), {
    name: 'SignerError',
    message: `the key is of ${ADDRESS}, and the wallet says ${addr.addChecksum(other)}`,
  })
})

t.test('a Web3 keystore opens with its password, and with no other', async t => {
  const cheap = { kdf: 'scrypt', n: 1_024, r: 8, p: 1 } as const
  const path = file(t, JSON.stringify(await privToLegacyKeystore(KEY, 'opensesame', cheap)))
  const keystore = (password: string, at = path) =>
    openSigner(
      settings({ literal: '' }, { source: { kind: 'keystore', file: at, password: { literal: password } } }),
      WORLD,
    )
  t.equal((await keystore('opensesame'))?.address, ADDRESS)
  await t.rejects(keystore('wrong'), { name: 'SignerError', message: /cannot be opened: a wrong password/ })
  await t.rejects(keystore('x', file(t, '{"version":4}', 0o400)), { message: /cannot be opened/ })
  await t.rejects(keystore('x', file(t, KEY, 0o500)), {
    name: 'SignerError',
    message: /is no keystore: not a JSON object$/,
  })
})

t.test('a wallet that watches has no signer', async t => {
  t.equal(await openSigner(settings({ literal: '' }, { source: { kind: 'watch' } }), WORLD), undefined)
})

t.test('P11: no property, error or dump of a signer leads to its key', async t => {
  const signer = await openSigner(settings({ env: 'KEY' }), WORLD)
  if (signer === undefined) throw new Error('there is a signer')
  const shown =
    inspect(signer, { showHidden: true, depth: 20, getters: true }) + JSON.stringify(signer) + String(signer.sign)
  t.notOk(shown.toLowerCase().includes(KEY.slice(2)))
  t.same(Object.keys(signer).sort(), ['address', 'close', 'sign'])
  signer.close()
  await t.rejects(signer.sign(typedData(1, signer.address)), { name: 'SignerError', message: 'the wallet is closed' })
})
