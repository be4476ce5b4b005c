import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import type { LocalCa } from '../certificate/local-ca.js'
import type { Config } from '../config/config.js'
import { interceptHosts } from '../config/interception.js'
import { formatAuthority } from '../http/authority.js'
import { guardProcess } from '../log/guard-process.js'
import { createLog } from '../log/log.js'
import { startDaemon } from '../main.js'
import { systemClock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import { certificatesIn, pemOf } from '../trust/pem.js'
import { environmentRoots } from '../trust/roots.js'
import { type CommandInput, textOption, UsageError } from './command.js'
import { configOf } from './config-flags.js'
import { openRunLog } from './run-log.js'

/** What the program's requests go through. */
export type RunDaemon = {
  /** With the credential. */
  readonly proxyUrl: string
  /** What the program must trust, PEM; `undefined` when nothing is intercepted. */
  readonly caPem: string | undefined
  /** Where the log is; `undefined` when it is not ours, or cannot be kept. */
  readonly log: string | undefined
  readonly close: () => Promise<void>
}

/** The program has ended: what it left running gets no more than this to finish a request. */
const DRAIN = seconds(1)
/** A daemon that takes longer to answer is none. */
const ANSWER_WITHIN = seconds(3)

/** A running daemon that cannot be used: exit code 3. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
}

/**
 * A daemon in this process, for one program: on a free port, with a password that only its child is told, and with a CA
 * that is nowhere but in memory. @param folder private, and gone afterwards @throws ConfigError, BindError, SecretError
 */
export async function startPrivateDaemon(input: CommandInput, folder: string): Promise<RunDaemon> {
  const loaded = await configOf(input)
  const password = input.values['no-auth'] === true ? undefined : randomBytes(16).toString('hex')
  const config = privateConfig(loaded.config, password, upstreamRoots(loaded.config, folder, input.io.env))
  const ca = await temporaryCa(config)
  const file = openRunLog(config.state)
  const log = createLog({ ...config.log, format: 'json' }, false, file.fd)
  guardProcess(log)
  const daemon = await startDaemon(config, input.io.env, log, { ca })
  const [address] = daemon.proxy
  const authority = address?.kind === 'tcp' ? formatAuthority(address) : ''
  return {
    proxyUrl: `http://${password === undefined ? '' : `mulligan:${password}@`}${authority}`,
    caPem: ca?.pem,
    log: file.path,
    close: async () => {
      await daemon.drain()
      await log.flush()
      file.close()
    },
  }
}

/**
 * Nothing but the proxy, for nobody but the child. Mounts need no password and nobody knows their port; the next hop is
 * the one that the child would have taken itself.
 */
function privateConfig(config: Config, password: string | undefined, caFile: string): Config {
  const auth =
    password === undefined ? undefined : { username: { literal: 'mulligan' }, password: { literal: password } }
  return {
    ...config,
    listen: {
      proxy: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }],
      admin: undefined,
      mounts: 'same',
      auth,
      allow_from: [],
      fast_lane: config.listen.fast_lane,
    },
    egress: { ...config.egress, proxy: config.egress.proxy ?? 'env', ca_file: caFile },
    shutdown: { drain: DRAIN },
    workers: 1,
    routes: config.routes.map(route => ({ ...route, mount: undefined })),
  }
}

/** Whom the program would trust, we trust in its place: a company's own root often stands in its variables only. */
function upstreamRoots(config: Config, folder: string, env: CommandInput['io']['env']): string {
  const { ca_file } = config.egress
  const named = ca_file === undefined ? [] : certificatesIn(readFileSync(ca_file, 'utf8'))
  const path = join(folder, 'upstream-roots.pem')
  writeFileSync(path, pemOf([...named, ...environmentRoots(env)]))
  return path
}

async function temporaryCa(config: Config): Promise<LocalCa | undefined> {
  const hosts = interceptHosts(config)
  if (hosts?.length === 0) return undefined
  const { createCa } = await import('../certificate/local-ca.js')
  return createCa(hosts, systemClock)
}

/** A daemon that runs already. @throws UnreachableError, UsageError, ConfigError */
export async function givenDaemon(input: CommandInput, text: string): Promise<RunDaemon> {
  const url = proxyUrlOf(text)
  const caPem = await caOf(input)
  const status = await ask(url)
  if (status === 407) {
    const remedy = 'give its user name and password: --daemon http://USER:PASSWORD@HOST:PORT'
    throw new UnreachableError(`${url.host} asks for a password; ${remedy}`)
  }
  if (status === 403) throw new UnreachableError(`${url.host} lets no client of this machine in (listen.allow_from)`)
  return { proxyUrl: url.href.replace(/\/$/, ''), caPem, log: undefined, close: async () => undefined }
}

function proxyUrlOf(text: string): URL {
  const full = text.includes('://') ? text : `http://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url?.protocol !== 'http:' || url.hostname === '' || url.pathname !== '/')
    throw new UsageError(`--daemon takes the URL of a proxy port such as http://127.0.0.1:8402, not "${text}"`)
  return url
}

/** A certificate that is named must be there; one that is not may be: the daemon then intercepts nothing. */
async function caOf(input: CommandInput): Promise<string | undefined> {
  const named = textOption(input, 'ca')
  const path = named === undefined ? join((await configOf(input)).config.state, 'ca.pem') : resolve(input.io.cwd, named)
  let pem: string | undefined
  try {
    pem = readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (named !== undefined) throw new UsageError(`--ca: cannot read ${named} (${code})`)
  }
  if (pem !== undefined && certificatesIn(pem).length !== 1)
    throw new UsageError(`${path} is not one certificate in PEM; \`mulligan ca export\` writes it`)
  return pem
}

/** The status of an answer that asks nothing of any upstream. @throws UnreachableError */
function ask(url: URL): Promise<number> {
  const [host, port] = [url.hostname.replace(/^\[(.*)\]$/, '$1'), Number(url.port || 80)]
  const credential = Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`)
  return new Promise((done, fail) => {
    const refused = (why: string) => {
      const remedy = 'start it with `mulligan start`, or leave out --daemon'
      fail(new UnreachableError(`no daemon answers on ${url.host} (${why}); ${remedy}`))
    }
    const probe = request({
      method: 'OPTIONS',
      path: '*',
      headers: { host: url.host, 'proxy-authorization': `Basic ${credential.toString('base64')}` },
      // Without an agent: one may have been taught to use a proxy.
      createConnection: () => connect(port, host),
      timeout: ANSWER_WITHIN,
    })
    probe.on('timeout', () => probe.destroy(new Error('it takes too long')))
    probe.on('error', error => refused((error as NodeJS.ErrnoException).code ?? error.message))
    probe.on('response', response => {
      response.destroy()
      done(response.statusCode ?? 0)
    })
    probe.end()
  })
}
