import type { SecretRef } from '../config/config.js'
import type { Env } from '../config/default-config.js'
import { SecretError, secretReader } from '../config/secret.js'
import type { TypedData } from '../x402/scheme.js'
import { type Ethereum, loadEthereum } from './ethereum.js'
import { readPrivateFile } from './private-file.js'
import { type Signer, SignerError } from './signer.js'

/** @see readPrivateFile for `shared` */
export type KeyWorld = { readonly env: Env; readonly shared: boolean }

/** A private key: 32 bytes in hex, with or without `0x`. @throws SignerError */
export async function keySigner(ref: SecretRef, world: KeyWorld): Promise<Signer> {
  const text = await readSecret(ref, world)
  const digits = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text)?.[1]
  if (digits === undefined) throw new SignerError('the private key is not 32 bytes in hex')
  // Not a Buffer: small ones share their memory with whatever else is read.
  const key = Uint8Array.from({ length: 32 }, (_, at) => Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16))
  return closedOver(key, await loadEthereum())
}

/** A key in a Web3 keystore of version 3, as geth and clef write it. @throws SignerError */
export async function keystoreSigner(file: string, password: SecretRef, world: KeyWorld): Promise<Signer> {
  const store = parseKeystore(await readPrivateFile(file, world.shared), file)
  const secret = await readSecret(password, world)
  const [ethereum, { privFromLegacyKeystore }] = await Promise.all([
    loadEthereum(),
    import('micro-eth-signer/keystore.js'),
  ])
  // What the library says may quote the file.
  const key = await privFromLegacyKeystore(store, secret, true).catch(() => undefined)
  if (key === undefined)
    throw new SignerError(`${file} cannot be opened: a wrong password, or no keystore of version 3`)
  return closedOver(key, ethereum)
}

/** From here on the key is in this closure alone (P11). */
function closedOver(key: Uint8Array, { addressOf, isKey, sign: signTyped }: Ethereum): Signer {
  if (!isKey(key)) throw new SignerError('the private key is no key of this curve')
  const address = addressOf(key)
  let closed = false
  const sign = async (typed: TypedData): Promise<string> => {
    if (closed) throw new SignerError('the wallet is closed')
    return signTyped(typed, key)
  }
  const close = (): void => {
    closed = true
    key.fill(0)
  }
  return { address, sign, close }
}

type Keystore = Parameters<typeof import('micro-eth-signer/keystore.js')['privFromLegacyKeystore']>[0]

function parseKeystore(text: string, file: string): Keystore {
  try {
    const store: unknown = JSON.parse(text)
    if (typeof store === 'object' && store !== null) return store as Keystore
  } catch {
    // The parser's message quotes the text.
  }
  throw new SignerError(`${file} is no keystore: not a JSON object`)
}

async function readSecret(ref: SecretRef, { env, shared }: KeyWorld): Promise<string> {
  if ('file' in ref) return readPrivateFile(ref.file, shared)
  try {
    return (await secretReader(ref, env)()).trim()
  } catch (error) {
    throw new SignerError(error instanceof SecretError ? error.message : 'the secret cannot be read')
  }
}
