import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCa } from '../certificate/local-ca.js'
import { systemClock } from '../time/clock.js'

/** Files in PEM: the authority, the upstream's certificate for `host`, and its key on P-256. */
export async function keepUpstreamCertificate(folder: string, host: string) {
  const { leafIssuer } = await import('../certificate/issue.js')
  const ca = await createCa([host], systemClock)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keep = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  return {
    roots: keep('upstream-roots.pem', ca.pem),
    certificate: keep('upstream.pem', leafIssuer(ca.pem, ca.key, publicKey)(host, ca)),
    key: keep('upstream.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
  }
}
