import t from 'tap'
import { verifyTypedData } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { keySigner } from '../../../src/signer/local-key.js'
import type { TypedData } from '../../../src/x402/scheme.js'
import { testKey, typedData } from '../../support/x402/typed-data.js'

const VECTORS = 1_000
const KEYS = 20
const WORLD = { env: {}, shared: false }

/** The same data as viem wants it: integers, and no type for the domain. */
function official({ domain, types, message }: TypedData) {
  const { EIP712Domain: _, ...own } = types
  const integers = ['value', 'validAfter', 'validBefore'].map(name => [name, BigInt(message[name] ?? '')])
  return {
    domain: {
      ...domain,
      chainId: BigInt(domain.chainId),
      verifyingContract: domain.verifyingContract as `0x${string}`,
    },
    types: own as Record<string, { name: string; type: string }[]>,
    primaryType: 'TransferWithAuthorization',
    message: { ...message, ...Object.fromEntries(integers) } as Record<string, unknown>,
  }
}

t.test(`${VECTORS} signatures by ${KEYS} keys are those of viem, byte for byte`, async t => {
  const payers = await Promise.all(
    Array.from({ length: KEYS }, async (_, n) => ({
      account: privateKeyToAccount(testKey(n)),
      signer: await keySigner({ literal: testKey(n) }, WORLD),
    })),
  )
  let equal = 0
  for (let seed = 0; seed < VECTORS; seed++) {
    const { account, signer } = payers[seed % KEYS] as (typeof payers)[number]
    const typed = typedData(seed, signer.address)
    const expected = await account.signTypedData(official(typed))
    const signature = await signer.sign(typed)
    if (signature === expected && signer.address === account.address) equal++
    else t.fail(`seed ${seed}`, { signature, expected })
  }
  t.equal(equal, VECTORS)
})

t.test('viem verifies them, and no others', async t => {
  const signer = await keySigner({ literal: testKey(1) }, WORLD)
  const typed = typedData(1, signer.address)
  const signature = (await signer.sign(typed)) as `0x${string}`
  const address = signer.address as `0x${string}`
  const verified = (data: TypedData) => verifyTypedData({ ...official(data), address, signature } as never)
  t.equal(await verified(typed), true)
  t.equal(await verified({ ...typed, message: { ...typed.message, value: '1' } }), false)
  t.equal(await verified({ ...typed, domain: { ...typed.domain, chainId: '1' } }), false)
})
