import fc from 'fast-check'
import t from 'tap'
import { loadEthereum } from '../../../src/signer/ethereum.js'
import { keySigner } from '../../../src/signer/local-key.js'
import { canonicalSignature, verifiedSigner } from '../../../src/signer/verified-signer.js'
import { testKey, typedData } from '../../support/x402/typed-data.js'

const ORDER = BigInt('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')
const local = (seed: number) => keySigner({ literal: testKey(seed) }, { env: {}, shared: false })

/** The other signature that verifies for the same data: s negated, recovery flipped. */
function twin(signature: string): string {
  const s = ORDER - BigInt(`0x${signature.slice(66, 130)}`)
  return `${signature.slice(0, 66)}${s.toString(16).padStart(64, '0')}${signature.endsWith('1b') ? '1c' : '1b'}`
}

t.test('every spelling of a signature becomes the one with low s and 27 or 28', async t => {
  const signer = await local(1)
  for (let seed = 0; seed < 20; seed++) {
    const signature = await signer.sign(typedData(seed, signer.address))
    const recovery = signature.endsWith('1b') ? '00' : '01'
    const spellings = [signature, twin(signature), signature.slice(2), signature.toUpperCase().replace('X', 'x')]
    for (const text of [...spellings, `${signature}\n`, signature.slice(0, -2) + recovery]) {
      t.equal(canonicalSignature(text), signature, text)
    }
  }
})

t.test('what is no signature stays none', t => {
  const r = '11'.repeat(32)
  const zero = '00'.repeat(32)
  for (const text of [
    '',
    '0x',
    `0x${r}${r}`,
    `0x${r}${r}1d`,
    `0x${r}${zero}1b`,
    `0x${r}${'ff'.repeat(32)}1b`,
    'null',
  ]) {
    t.equal(canonicalSignature(text), undefined, text)
  }
  fc.assert(fc.property(fc.string(), text => canonicalSignature(text) === undefined))
  t.end()
})

t.test('a signer elsewhere is believed only for what it signed, by its address', async t => {
  const ethereum = await loadEthereum()
  const [alice, mallory] = [await local(1), await local(2)]
  const typed = typedData(3, alice.address)
  const good = await alice.sign(typed)
  const giving = (text: string) =>
    verifiedSigner({ address: alice.address, sign: async () => text, close: () => undefined }, ethereum).sign(typed)
  t.equal(await giving(twin(good)), good)
  await t.rejects(giving(await mallory.sign(typed)), { name: 'SignerError', message: /^the signature is not by 0x/ })
  await t.rejects(giving(await alice.sign(typedData(4, alice.address))), { message: /^the signature is not by 0x/ })
  await t.rejects(giving(`0x${'ff'.repeat(32)}${'11'.repeat(32)}1b`), { message: /^the signature is not by 0x/ })
  await t.rejects(giving('sorry'), { message: /no signature of 65 bytes/ })
})
