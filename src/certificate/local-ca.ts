import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto'
import type { Clock } from '../time/clock.js'
import { CaError } from './ca-error.js'
import { type CaPath, caPaths, changeFiles, checkPrivate, readFileIfAny, retire, writeWhole } from './ca-files.js'
import { covers, namesFor, readNames, union } from './certified-names.js'

/** The certificate authority of this machine: vouches for hosts whose TLS is intercepted, to clients that trust it. */
export type LocalCa = {
  /** The certificate alone. */
  readonly pem: string
  /** SHA-256 of the certificate, in colon-separated hex. */
  readonly fingerprint: string
  /** Unix milliseconds. */
  readonly notBefore: number
  readonly notAfter: number
  /** Names it may vouch for, each with everything below (RFC 5280 §4.2.1.10); undefined: any. */
  readonly hosts: readonly string[] | undefined
  readonly key: KeyObject
}

/** `widened`: clients go on trusting what they did, and need the new certificate for the hosts that came in. */
export type CaChange = 'none' | 'created' | 'widened'

const DAY = 86_400_000
/** Clocks of clients are wrong, by a day more often than by a minute. */
export const BACKDATED = 2 * DAY
const CA_LIFE = 3_650 * DAY

/** The authority as it is on disk; undefined when there is none. Loads nothing. @throws CaError */
export function readCa(state: string): LocalCa | undefined {
  const paths = caPaths(state)
  const pem = readFileIfAny(paths.pem)
  if (pem === undefined) return undefined
  const key = readKey(paths)
  if (key === undefined) {
    // A rotation takes the certificate away first.
    if (readFileIfAny(paths.pem) === undefined) return undefined
    throw new CaError(`${paths.pem} is there, but its key ${paths.key} is not: put it back, or ${ROTATE}`)
  }
  const ca = toCa(pem, key, paths)
  if (ca !== undefined) return ca
  // A rotation may have come between the two reads.
  if (readFileIfAny(paths.pem) !== pem) return readCa(state)
  throw new CaError(`${paths.key} is not the key of ${paths.pem}: put the right one back, or ${ROTATE}`)
}

/**
 * The authority of a state directory, made when there is none. One that may not vouch for all of `hosts` is issued
 * again with the same key and subject and more names: nothing is taken away from it before a rotation.
 * @param hosts host patterns of routes; undefined: any @throws CaError
 */
export async function openCa(
  state: string,
  hosts: readonly string[] | undefined,
  clock: Clock,
): Promise<{ readonly ca: LocalCa; readonly change: CaChange }> {
  const wanted = namesFor(hosts)
  const found = readCa(state)
  if (found !== undefined && covers(found.hosts, wanted)) return { ca: inTime(found, state, clock), change: 'none' }
  const { issueAuthority } = await import('./issue.js')
  return changeFiles(state, clock, paths => {
    // Another process may have been faster.
    const current = readCa(state)
    if (current !== undefined && covers(current.hosts, wanted)) return { ca: current, change: 'none' }
    if (current !== undefined) {
      const ca = inTime(current, state, clock)
      const pem = issueAuthority(ca.key, union(ca.hosts, wanted), lifeFrom(clock), ca.pem)
      return { ca: keepCertificate(pem, ca.key, paths), change: 'widened' }
    }
    // A key alone is what a process leaves that died on the way.
    const key = readKey(paths) ?? keepKey(newKey(), paths)
    return { ca: keepCertificate(issueAuthority(key, wanted, lifeFrom(clock)), key, paths), change: 'created' }
  })
}

/**
 * A new key and a new certificate. The old certificate stays as `ca.pem.old`, which is what removes it from lists of
 * trusted ones; the old key is gone: it has no use, and may be the reason for the rotation. @throws CaError
 */
export async function rotateCa(state: string, hosts: readonly string[] | undefined, clock: Clock): Promise<LocalCa> {
  const { issueAuthority } = await import('./issue.js')
  return changeFiles(state, clock, paths => {
    const key = newKey()
    const pem = issueAuthority(key, namesFor(hosts), lifeFrom(clock))
    // In this order every moment leaves a state that `openCa` can go on from: a pair, or a key alone.
    retire(paths.pem)
    keepKey(key, paths)
    return keepCertificate(pem, key, paths)
  })
}

/** An authority that lives in memory only, for `mulligan run`. */
export async function createCa(hosts: readonly string[] | undefined, clock: Clock): Promise<LocalCa> {
  const { issueAuthority } = await import('./issue.js')
  const key = newKey()
  return fromParts(new X509Certificate(issueAuthority(key, namesFor(hosts), lifeFrom(clock))), key)
}

const ROTATE = 'make a new pair with `mulligan ca rotate`'

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

function lifeFrom(clock: Clock): { notBefore: number; notAfter: number } {
  const now = clock.now()
  return { notBefore: now - BACKDATED, notAfter: now + CA_LIFE }
}

function inTime(ca: LocalCa, state: string, clock: Clock): LocalCa {
  const now = clock.now()
  const { pem } = caPaths(state)
  if (now > ca.notAfter) throw new CaError(`${pem} ended on ${dayOf(ca.notAfter)}: ${ROTATE}`)
  if (now < ca.notBefore)
    throw new CaError(
      `${pem} begins on ${dayOf(ca.notBefore)}, which is in the future: set the clock right, or ${ROTATE}`,
    )
  return ca
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

function keepKey(key: KeyObject, paths: CaPath): KeyObject {
  writeWhole(paths.key, key.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600)
  return key
}

function keepCertificate(pem: string, key: KeyObject, paths: CaPath): LocalCa {
  writeWhole(paths.pem, pem, 0o644)
  return fromParts(new X509Certificate(pem), key)
}

function readKey(paths: CaPath): KeyObject | undefined {
  const text = readFileIfAny(paths.key)
  if (text === undefined) return undefined
  checkPrivate(paths)
  const key = attempt(() => createPrivateKey(text))
  if (key === undefined) throw new CaError(`${paths.key} holds no private key in PEM: put it back, or ${ROTATE}`)
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new CaError(`${paths.key} is not a key on P-256, which all is signed with here: ${ROTATE}`)
  if (!signsWell(key)) throw new CaError(`${paths.key} is damaged: put it back, or ${ROTATE}`)
  return key
}

/** The file holds both halves, and nobody but a client compares them: it would refuse every certificate. */
function signsWell(key: KeyObject): boolean {
  const probe = Buffer.from('probe')
  return attempt(() => verify('sha256', probe, createPublicKey(key), sign('sha256', probe, key))) === true
}

/** undefined when they do not belong together. */
function toCa(pem: string, key: KeyObject, paths: CaPath): LocalCa | undefined {
  const certificate = attempt(() => new X509Certificate(pem))
  if (certificate === undefined)
    throw new CaError(`${paths.pem} holds no certificate in PEM: delete it, and the next start issues it again`)
  if (!certificate.checkPrivateKey(key)) return undefined
  if (!certificate.ca) throw new CaError(`${paths.pem} is not the certificate of an authority: ${ROTATE}`)
  // It signed itself: with another letter in it, it is not what clients trust.
  if (!certificate.verify(certificate.publicKey))
    throw new CaError(`${paths.pem} is damaged: put it back, or delete it, and the next start issues it again`)
  const ca = attempt(() => fromParts(certificate, key))
  if (ca === undefined) throw new CaError(`${paths.pem} has name constraints that cannot be read: ${ROTATE}`)
  return ca
}

const fromParts = (certificate: X509Certificate, key: KeyObject): LocalCa => ({
  pem: certificate.toString(),
  fingerprint: certificate.fingerprint256,
  notBefore: Date.parse(certificate.validFrom),
  notAfter: Date.parse(certificate.validTo),
  hosts: readNames(certificate.raw),
  key,
})

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}
