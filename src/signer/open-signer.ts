import type { Env } from '../config/default-config.js'
import type { SignerSettings } from '../config/wallet.js'
import type { Clock } from '../time/clock.js'
import { loadEthereum } from './ethereum.js'
import { keySigner, keystoreSigner } from './local-key.js'
import { type Signer, SignerError } from './signer.js'
import { verifiedSigner } from './verified-signer.js'

/** What a signer needs besides its settings. */
export type SignerWorld = {
  readonly env: Env
  readonly clock: Clock
  /** PEM texts to trust a remote signer by; the platform's roots when undefined. */
  readonly ca: readonly string[] | undefined
}

/**
 * The signer of one wallet; `undefined` for one that only watches. Its address is the one that the file names, or it does
 * not open.
 * @throws SignerError, and nothing else
 */
export async function openSigner(settings: SignerSettings, world: SignerWorld): Promise<Signer | undefined> {
  const { kind } = settings.source
  if (kind === 'watch') return undefined
  const address = settings.address === undefined ? undefined : await checksummed(settings.address)
  const signer = await open(settings, address, world)
  if (address === undefined || address === signer.address) return signer
  signer.close()
  throw new SignerError(`the key is of ${signer.address}, and the wallet says ${address}`)
}

async function open(
  { source, shared }: SignerSettings,
  address: string | undefined,
  world: SignerWorld,
): Promise<Signer> {
  const { env, clock, ca } = world
  switch (source.kind) {
    case 'key':
      return keySigner(source.key, { env, shared })
    case 'keystore':
      return keystoreSigner(source.file, source.password, { env, shared })
    case 'exec': {
      const { execSigner } = await import('./exec-signer.js')
      return verifiedSigner(execSigner(source, named(address), env), await loadEthereum())
    }
    case 'remote': {
      const { lacksAccount, remoteSigner } = await import('./remote-signer.js')
      const payer = named(address)
      const rpc = { url: source.url, timeout: source.timeout, ca }
      // To clef the question alone is one that its user must approve.
      if (source.method !== 'account_signTypedData' && (await lacksAccount(rpc, payer, clock))) {
        throw new SignerError(`the remote signer has no account ${payer}`)
      }
      return verifiedSigner(remoteSigner(rpc, source.method, payer, clock), await loadEthereum())
    }
    case 'watch':
      throw new SignerError('the wallet only watches')
  }
}

/** The configuration makes sure of it. */
function named(address: string | undefined): string {
  if (address === undefined) throw new SignerError('a signer elsewhere needs evm.address')
  return address
}

async function checksummed(address: string): Promise<string> {
  const { addChecksum } = await loadEthereum()
  return addChecksum(address.toLowerCase())
}
