import { X509Certificate } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type LocalCa, readCa, rotateCa } from '../certificate/local-ca.js'
import type { Config } from '../config/config.js'
import { suggest } from '../config/did-you-mean.js'
import { interceptHosts } from '../config/interception.js'
import { systemClock } from '../time/clock.js'
import { askCertificate, NoDaemonError, RefusedError, tell } from './admin-client.js'
import { type CommandInput, UsageError } from './command.js'
import { configOf } from './config-flags.js'
import { daemonHere } from './daemon-here.js'
import { createPaint, table } from './paint.js'

const AFTER_ROTATION = 'No client should trust the old certificate any longer; it is in ca.pem.old.\n'
/** One without an admin side may run all the same. */
const NOT_TOLD = 'Restart or reload (SIGHUP) a running daemon: until then it goes on with the old one.\n'

const ACTIONS = ['show', 'export', 'rotate']

/** `mulligan ca`: the certificate authority that clients of intercepted hosts must trust. Its key is never printed. */
export async function run(input: CommandInput): Promise<number> {
  const [action = '', file] = input.positionals
  if (!ACTIONS.includes(action)) throw new UsageError(`ca has no "${action}"${suggest(action, ACTIONS)}`)
  if ((action === 'export') !== (file !== undefined)) {
    throw new UsageError(
      file === undefined ? 'ca export needs FILE, or - for stdout' : `"${file}" is one word too many`,
    )
  }
  const { config } = await configOf(input)
  if (action === 'rotate') return rotate(input, config)
  const ca = readCa(config.state)
  if (ca === undefined) {
    input.io.stderr.write(
      `mulligan: there is no certificate authority in ${config.state} yet: \`mulligan start\` or \`mulligan env\` makes one when a route intercepts HTTPS\n`,
    )
    return 1
  }
  return file === undefined ? show(input, config, ca, await servedBy(config, ca)) : exportTo(input, file, ca)
}

/** What a running daemon has of it; `null` when none answers, or keeps its things elsewhere. */
type Served = 'this' | 'another' | 'nothing' | null

async function servedBy(config: Config, ca: LocalCa): Promise<Served> {
  const daemon = await daemonHere(config, ['state'])
  if (daemon.kind !== 'here') return null
  const pem = await askCertificate(config.listen.admin)
  if (pem === undefined) return 'nothing'
  return fingerprintOf(pem) === ca.fingerprint ? 'this' : 'another'
}

function fingerprintOf(pem: string): string | undefined {
  try {
    return new X509Certificate(pem).fingerprint256
  } catch {
    return undefined
  }
}

const SERVED: Readonly<Record<Exclude<Served, null>, string>> = {
  this: 'vouches with it',
  another: 'vouches with another: reload it, by SIGHUP or a restart',
  nothing: 'intercepts nothing',
}

function show({ io, values }: CommandInput, config: Config, ca: LocalCa, served: Served): number {
  const about = {
    path: join(config.state, 'ca.pem'),
    subject: new X509Certificate(ca.pem).subject.split('\n').join(', '),
    fingerprint: ca.fingerprint,
    not_before: new Date(ca.notBefore).toISOString(),
    not_after: new Date(ca.notAfter).toISOString(),
    expired: systemClock.now() > ca.notAfter,
    hosts: ca.hosts ?? null,
    served,
  }
  if (values['json'] === true) {
    io.stdout.write(`${JSON.stringify(about, undefined, 2)}\n`)
    return 0
  }
  const paint = createPaint(io.stdout, io.env)
  const day = (time: string) => time.slice(0, 10)
  const rows: [string, string][] = [
    ['certificate', about.path],
    ['subject', about.subject],
    ['SHA-256', about.fingerprint],
    ['valid', `${day(about.not_before)} to ${day(about.not_after)}${about.expired ? ': expired, rotate it' : ''}`],
    ['vouches for', vouchesFor(ca)],
    ...(served === null ? [] : [['daemon', SERVED[served]] satisfies [string, string]]),
    ['trust it', 'for programs of this shell: eval "$(mulligan env)"; for one program: mulligan run -- PROGRAM'],
    ['', 'everywhere else: docs/https.md'],
  ]
  io.stdout.write(table(rows.map(([name, text]) => [paint('cyan', name), text])))
  return 0
}

function vouchesFor({ hosts }: LocalCa): string {
  if (hosts === undefined) return 'any host'
  return hosts.length === 0 ? 'no host' : `${hosts.join(', ')}, and names below`
}

function exportTo({ io }: CommandInput, file: string, ca: LocalCa): number {
  if (file === '-') {
    io.stdout.write(ca.pem)
    return 0
  }
  try {
    writeFileSync(resolve(io.cwd, file), ca.pem)
  } catch (error) {
    io.stderr.write(`mulligan: cannot write ${file} (${(error as NodeJS.ErrnoException).code})\n`)
    return 1
  }
  io.stdout.write(`Wrote ${file}: the certificate, without its key. SHA-256 ${ca.fingerprint}\n`)
  return 0
}

async function rotate({ io, values }: CommandInput, config: Config): Promise<number> {
  const named = interceptHosts(config)
  // A configuration that intercepts nothing says nothing about the names either.
  const earlier = named?.length === 0 ? readCa(config.state) : undefined
  if (named?.length === 0 && earlier === undefined) {
    io.stderr.write(
      'mulligan: there is no certificate authority to replace, and no route that would need one: name a host in a route first\n',
    )
    return 1
  }
  const path = join(config.state, 'ca.pem')
  const replaced = existsSync(path)
  const ca = await rotateCa(config.state, earlier === undefined ? named : earlier.hosts, systemClock)
  const reloaded = await reloadDaemon(config)
  if (values['json'] === true) {
    const about = { path, fingerprint: ca.fingerprint, hosts: ca.hosts ?? null, daemon: reloaded.daemon }
    io.stdout.write(`${JSON.stringify(about, undefined, 2)}\n`)
    return 0
  }
  io.stdout.write(`Wrote a new certificate authority: ${path}, SHA-256 ${ca.fingerprint}
It vouches for ${vouchesFor(ca)}. Clients must trust it: docs/https.md.
${replaced ? reloaded.says + AFTER_ROTATION : ''}`)
  return 0
}

/** Until it is told, a daemon goes on with the old one. */
async function reloadDaemon(config: Config): Promise<{ daemon: 'reloaded' | 'refused' | null; says: string }> {
  const daemon = await daemonHere(config, ['state'])
  if (daemon.kind !== 'here') return { daemon: null, says: NOT_TOLD }
  try {
    await tell(config.listen.admin, config.state, 'reload')
    return { daemon: 'reloaded', says: 'The running daemon has taken it over.\n' }
  } catch (error) {
    if (!(error instanceof NoDaemonError || error instanceof RefusedError)) throw error
    const says = `The running daemon goes on with the old one until it is restarted, or reloaded (SIGHUP): ${error.message}\n`
    return { daemon: 'refused', says }
  }
}
