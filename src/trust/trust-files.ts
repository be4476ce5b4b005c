import { X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { ADDED_VARIABLES } from './ca-variables.js'
import { javaTrustStore } from './java-trust-store.js'
import { type Certificate, certificatesIn, derOf, pemOf } from './pem.js'
import { certificatesAt, environmentRoots, publicRoots } from './roots.js'

type Env = Readonly<Record<string, string | undefined>>

/** Absolute paths of what the CA variables point to. */
export type TrustFiles = {
  /** Our CA, alone. */
  readonly ca: string
  /** Our CA, and what the variables that add held already. */
  readonly added: string
  /** Our CA, what the parent's variables and the system trust, and the public roots. */
  readonly bundle: string
  /** The bundle for Java. */
  readonly javaStore: string
  /** For wget: the user's own settings, and the bundle. */
  readonly wgetrc: string
  /** A folder of settings for PHP. */
  readonly php: string
}

/**
 * Writes everything that makes clients trust our CA, and nothing that makes them trust less than before (FP-26).
 * @param folder made when it is not there @param env of the parent: what its variables name is kept
 */
export function writeTrustFiles(folder: string, caPem: string, env: Env): TrustFiles {
  const files: TrustFiles = {
    ca: join(folder, 'ca.pem'),
    added: join(folder, 'ca-added.pem'),
    bundle: join(folder, 'ca-bundle.pem'),
    javaStore: join(folder, 'truststore.jks'),
    wgetrc: join(folder, 'wgetrc'),
    php: join(folder, 'php'),
  }
  const ca = certificatesIn(caPem)
  const read = (path: string) => certificatesBeside(path, folder)
  const added = ADDED_VARIABLES.flatMap(name => (env[name] === undefined ? [] : read(env[name])))
  const bundle = [...new Set([...ca, ...environmentRoots(env, read), ...publicRoots()])]
  mkdirSync(files.php, { recursive: true, mode: 0o700 })
  replace(files.ca, pemOf(ca))
  replace(files.added, pemOf([...ca, ...added]))
  replace(files.bundle, pemOf(bundle))
  replace(files.javaStore, javaTrustStore(bundle.filter(isSound).map(derOf)))
  replace(files.wgetrc, wgetrc(files, env), 0o600)
  replace(join(files.php, 'mulligan.ini'), `curl.cainfo="${files.bundle}"\nopenssl.cafile="${files.bundle}"\n`)
  return files
}

/** A file that we wrote earlier, into this very folder, begins with the CA of that time: it must not outlive a rotation. */
function certificatesBeside(path: string, folder: string): Certificate[] {
  const certificates = certificatesAt(path)
  return dirname(path) === folder ? certificates.slice(1) : certificates
}

/** Java gives up a whole store over one certificate that it cannot parse. */
function isSound(certificate: Certificate): boolean {
  try {
    return new X509Certificate(derOf(certificate)).raw.length > 0
  } catch {
    return false
  }
}

/** wget reads one file only: what stands in the user's goes on to hold. */
function wgetrc(files: TrustFiles, env: Env): string {
  const own = env['WGETRC'] || join(env['HOME'] || homedir(), '.wgetrc')
  const lines = readIfThere(own).split('\n')
  const kept = lines.filter(line => line.trim() !== '' && !/^\s*ca_?certificate\s*=/i.test(line))
  return [...kept, `ca_certificate = ${files.bundle}`, ''].join('\n')
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** In one step: a program may be reading the file. */
function replace(path: string, content: string | Buffer, mode = 0o644): void {
  const fresh = `${path}.${process.pid}`
  writeFileSync(fresh, content, { mode })
  renameSync(fresh, path)
}
