import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { BUNDLE_VARIABLES } from './ca-variables.js'
import { type Certificate, certificatesIn } from './pem.js'

type Env = Readonly<Record<string, string | undefined>>

/** Where systems keep the roots that their programs trust: Debian and Alpine, Fedora, macOS and the BSDs. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
] as const

/** What this program itself trusts, in the order of the file. */
export const publicRoots = (): Certificate[] => rootCertificates.flatMap(certificatesIn)

/** What programs of this environment trust: the files that its variables name, and the system's. */
export function environmentRoots(env: Env, read: (path: string) => Certificate[] = certificatesAt): Certificate[] {
  const named = new Set(BUNDLE_VARIABLES.flatMap(name => env[name] ?? []))
  return [...[...named].flatMap(read), ...systemRoots()]
}

function systemRoots(): Certificate[] {
  for (const path of SYSTEM_BUNDLES) {
    const certificates = certificatesAt(path)
    if (certificates.length > 0) return certificates
  }
  return []
}

/** The certificates of a file, or of a folder's files; none where nothing can be read: then the program trusted none either. */
export function certificatesAt(path: string): Certificate[] {
  try {
    if (!statSync(path).isDirectory()) return certificatesIn(readFileSync(path, 'latin1'))
    return readdirSync(path).flatMap(name => certificatesAtFile(join(path, name)))
  } catch {
    return []
  }
}

function certificatesAtFile(path: string): Certificate[] {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? certificatesIn(readFileSync(path, 'latin1')) : []
}
