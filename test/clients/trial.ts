import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../src/config/package-root.js'
import type { Client, Ready } from './client.js'
import { judge } from './judge.js'
import { bareEnv } from './probe.js'
import type { Repository } from './repository.js'
import { CELLS, type CellName, startVendor } from './vendor.js'

/** What a client printed of a cell; it may take several lines. */
export type Report = {
  readonly cell: CellName
  readonly status?: number
  readonly sha256?: string
  /** The version of HTTP that the client spoke, when it is not 1.1. */
  readonly http?: string
  readonly event?: string
  /** SHA-256 of the certificate that it was shown. */
  readonly certificate?: string
  readonly commit?: string
}

export type Trial = {
  /** What went wrong, by cell; `undefined`: nothing. */
  readonly verdicts: ReadonlyMap<CellName, string | undefined>
  /** Which HTTP the client spoke on the intercepted connection. */
  readonly http: string
  readonly certificateSeen: boolean
  readonly stderr: string
}

/** A host that no route names. */
const ELSEWHERE = 'files.vendor.test'
const MULLIGAN = fileURLToPath(new URL('bin/mulligan.js', packageRoot()))

/** Longer than what is kept in memory, so that the rest goes to a file; of characters that JSON holds as they are. */
const FILE = randomBytes(1_179_648).toString('base64')
/** A client that waits for what will not come is ended, in milliseconds: two JVMs on a busy machine need 40 s. */
const PATIENCE = 120_000

/** Puts a client through every cell, as a user would: `mulligan run -c FILE -- CLIENT`. */
export async function tryClient(client: Client, { command }: Ready, repository: Repository): Promise<Trial> {
  const folder = mkdtempSync(join(tmpdir(), 'mulligan-matrix-'))
  const vendor = await startVendor(repository.path)
  try {
    const setting = writeSetting(folder, vendor.proxy, vendor.root)
    const cells = CELLS.filter(cell => !client.without.includes(cell))
    const words = [...command, client.api, `https://${ELSEWHERE}`, setting.file]
    const twice = ['sh', '-c', script(cells, client.needs), 'sh', ...words]
    const run = [MULLIGAN, 'run', '-c', setting.config, ...client.runOptions, '--', ...twice]
    const { stdout, stderr } = await output(process.execPath, run, setting.env)
    const reports = stdout.split('\n').filter(Boolean).map(parse)
    const certificate = vendor.fingerprint(ELSEWHERE)
    const expected = { file: FILE, sendsFile: client.sendsFile, commit: repository.commit, certificate }
    const of = <T extends { readonly cell?: unknown }>(cell: CellName, all: readonly T[]) =>
      all.filter(one => one.cell === cell)
    const verdict = (cell: CellName) => judge(cell, of(cell, reports), of(cell, vendor.arrivals), expected)
    return {
      verdicts: new Map(cells.map(cell => [cell, verdict(cell)])),
      http: of('get', reports).find(({ http }) => http !== undefined)?.http ?? '1.1',
      certificateSeen: reports.some(report => report.certificate !== undefined),
      stderr,
    }
  } finally {
    await vendor.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Everything in one process; then one more request, with those of the variables only that the client is said to need. */
function script(cells: readonly CellName[], needs: readonly string[]): string {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'PYTHONDONTWRITEBYTECODE', ...needs].map(name => `${name}="$${name}"`)
  return `"$@" ${cells.filter(cell => cell !== 'needs').join(' ')}; exec env -i ${kept.join(' ')} "$@" needs`
}

/** A line that is none of ours would be a finding; it shows as a report without a cell. */
function parse(line: string): Report {
  try {
    return JSON.parse(line) as Report
  } catch {
    return { cell: 'get', status: 0, sha256: line }
  }
}

/** What is on the user's machine: a configuration, a file to send, and a company's root that clients trust already. */
function writeSetting(folder: string, proxy: string, root: string) {
  const config = join(folder, 'mulligan.yaml')
  const rootFile = join(folder, 'root.pem')
  const file = join(folder, 'file.bin')
  const home = join(folder, 'home')
  writeFileSync(rootFile, root)
  writeFileSync(file, FILE)
  writeFileSync(config, configuration(proxy, rootFile))
  mkdirSync(home)
  const env = { ...bareEnv(home), TMPDIR: folder, SSL_CERT_FILE: rootFile, NODE_EXTRA_CA_CERTS: rootFile }
  return { config, file, env }
}

/** As short as a configuration gets; the vendor stands for all hosts that there are. */
export const configuration = (proxy: string, rootFile: string): string => `
egress: { proxy: "${proxy}", ca_file: ${rootFile} }
routes:
  - name: vendor
    match: { host: api.vendor.test }
    retry: { backoff: { base: 10ms, cap: 50ms } }
${['openai', 'anthropic', 'stripe'].map(preset).join('')}
  - name: uploads
    match: { host: files.stripe.com }
`

const preset = (name: string): string => `
  - name: ${name}
    preset: ${name}
    match: { host: api.${name}.com }
    retry: { backoff: { base: 10ms, cap: 50ms } }`

function output(program: string, args: readonly string[], env: Record<string, string>) {
  return new Promise<{ stdout: string; stderr: string }>(resolve => {
    execFile(program, args, { env, timeout: PATIENCE }, (error, stdout, stderr) => {
      const end = error === null ? '' : `ended with ${error.signal ?? error.code}\n`
      resolve({ stdout, stderr: `${stderr}${end}` })
    })
  })
}
