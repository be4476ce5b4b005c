import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PASS_AND_RETRY } from '../src/bench/pass-and-retry.js'
import { packageRoot, packageVersion } from '../src/config/package-root.js'
import { TLS_NAME } from './door.js'
import type { Program, Seat } from './program.js'

/** `bin/mulligan.js` of this package. */
export const PLAIN_PROGRAM = fileURLToPath(new URL('bin/mulligan.js', packageRoot()))

/** Routes that differ in their policies, in one daemon: what differs is not the state of the compiler. */
const CLEAR = ({ upstream }: Seat): string => `version: 1
log: { level: info }
credentials:
  bench: { source: { file: token }, inject: { bearer: true } }
routes:
${PASS_AND_RETRY}
  - name: credential
    match: { host: 127.0.0.1, path: /credential/** }
    credential: bench
  - name: mount
    match: { host: 127.0.0.1, path: /mount/** }
    upstream: http://127.0.0.1:${upstream}
    mount: /base
`

/** Claims and answers go to the store on disk. */
const KEYED = (): string => `version: 1
log: { level: info }
store: embedded
routes:
  - name: retry
    match: { host: 127.0.0.1, path: /retry/** }
  - name: key
    match: { host: 127.0.0.1, path: /key/** }
    idempotency: { replay: { rate: { per_second: 100000, burst: 1000000 } } }
`

const TLS = ({ roots }: Seat): string => `version: 1
log: { level: info }
egress: { ca_file: ${JSON.stringify(roots)} }
routes:
  - name: bench
    match: { host: ${TLS_NAME} }
`

/** Nothing is named, so nothing is opened: CONNECT makes a tunnel. */
const TUNNEL = (): string => `version: 1
log: { level: info }
limits: { connections: 1000000 }
routes:
  - name: all
    match: { host: "*" }
`

/** @property notBundled `bin/mulligan.js` of this package, where another was measured */
export type MulliganPrograms = Readonly<Record<'clear' | 'keyed' | 'tls' | 'tunnel' | 'builtIn', Program>> & {
  readonly notBundled: Program | undefined
}

/** The daemon under the configurations that are compared. @param program its `bin/mulligan.js` */
export function mulliganPrograms(program: string): MulliganPrograms {
  const of = (yaml: ((seat: Seat) => string) | undefined) => mulliganProgram(yaml, program)
  const notBundled = program === PLAIN_PROGRAM ? undefined : mulliganProgram(undefined, PLAIN_PROGRAM)
  return { clear: of(CLEAR), keyed: of(KEYED), tls: of(TLS), tunnel: of(TUNNEL), builtIn: of(undefined), notBundled }
}

/** The daemon under one configuration. @param yaml none: the built-in one @param program its `bin/mulligan.js` */
export const mulliganProgram = (yaml: ((seat: Seat) => string) | undefined, program: string): Program => ({
  name: 'mulligan',
  version: packageVersion(),
  command: seat => [process.execPath, program, 'start', ...options(seat, yaml)],
})

/** As in service: it records every request in its log, and its page is there. */
function options(seat: Seat, yaml: ((seat: Seat) => string) | undefined): string[] {
  const { folder, port } = seat
  const admin = ['--admin', '127.0.0.1:0']
  const common = ['--listen', `127.0.0.1:${port}`, ...admin, '--state', folder, '--log-format', 'json']
  if (yaml === undefined) return common
  const file = join(folder, 'mulligan.yaml')
  writeFileSync(join(folder, 'token'), 'fedcba9876543210fedcba9876543210\n', { mode: 0o600 })
  writeFileSync(file, yaml(seat))
  return [...common, '--config', file]
}

/** Where it keeps the authority that clients of intercepted hosts trust: its state is its folder. */
export const mulliganAuthority = (folder: string): string => join(folder, 'ca.pem')
