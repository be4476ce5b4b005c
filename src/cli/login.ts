import { constants } from 'node:os'
import type { Config } from '../config/config.js'
import type { OAuth2Settings, SourceSettings } from '../config/credential.js'
import { suggest } from '../config/did-you-mean.js'
import { deviceLogin, type LoginPrompt } from '../credential/device-login.js'
import { createOAuth2World } from '../credential/oauth2-world.js'
import { SourceError } from '../credential/source.js'
import { systemClock, systemRandom } from '../time/clock.js'
import { seconds } from '../time/units.js'
import { type CommandInput, type CommandIo, UsageError } from './command.js'
import { complain } from './complain.js'
import { configOf } from './config-flags.js'
import { createPaint } from './paint.js'
import { patientFetch } from './patient-fetch.js'
import { describeSpan } from './span.js'

/** A server that takes longer to answer one question is down. */
const ANSWER_WITHIN = seconds(15)

/** `mulligan login NAME`: the user logs in, anywhere, and daemons go on with the session. No token is ever printed. */
export async function run(input: CommandInput): Promise<number> {
  const { io } = input
  const [name = ''] = input.positionals
  const { config } = await configOf(input)
  const settings = deviceSettings(config, name)
  const interrupt = new Interrupt()
  try {
    const bare = createOAuth2World({ env: io.env, clock: systemClock, random: systemRandom }, config.egress.ca_file)
    // A poll that fails this way is repeated like one that the server could not answer.
    const world = { ...bare, fetch: patientFetch(bare.fetch, ANSWER_WITHIN) }
    const show = (prompt: LoginPrompt) => io.stdout.write(instructions(name, prompt, io))
    await deviceLogin(settings, world, { state: config.state, name }, show, interrupt.signal)
    io.stdout.write(`Logged in. The session is kept in ${config.state}; a daemon that runs there goes on with it.\n`)
    return 0
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    const why = interrupt.by === undefined ? error.message : 'given up'
    // What a shell expects of an interrupted command.
    const code = interrupt.by === undefined ? 1 : 128 + constants.signals[interrupt.by]
    return complain({ io }, `no login for "${name}": ${why}`, code)
  } finally {
    interrupt.close()
  }
}

/** @throws UsageError for a name that there is not, or one that has no use for a login */
function deviceSettings({ credentials }: Config, name: string): OAuth2Settings {
  const settings = Object.hasOwn(credentials, name) ? credentials[name] : undefined
  if (settings === undefined) {
    const names = Object.keys(credentials)
    const none = names.length === 0 ? '; the configuration has none' : suggest(name, names)
    throw new UsageError(`no credential is called "${name}"${none}`)
  }
  const { source } = settings
  if ('oauth2' in source && source.oauth2.grant === 'device_code') return source.oauth2
  throw new UsageError(`"${name}" has no use for a login: ${insteadOf(source)}`)
}

/** Where its tokens come from, and what to do there. */
function insteadOf(source: SourceSettings): string {
  if ('env' in source) return `set ${source.env}, and start the daemon anew`
  if ('file' in source) return `write its token to ${source.file}; a running daemon notices`
  if ('exec' in source) return `log in with ${source.exec.command[0]}, which gives its tokens`
  if ('metadata' in source) return `the machine has its tokens from ${source.metadata.provider}`
  const { grant } = source.oauth2
  if (grant !== 'refresh_token') return `grant ${grant} gets tokens without one`
  return 'grant refresh_token begins with the token in refresh_token; grant device_code is the one to log in for'
}

function instructions(name: string, { uri, code, completeUri, expiresIn }: LoginPrompt, io: CommandIo): string {
  const paint = createPaint(io.stdout, io.env)
  const shown = paint('bold', code)
  // RFC 8628 §3.3.1: the code is shown all the same, for the user to compare.
  const steps =
    completeUri === undefined
      ? `  ${paint('cyan', uri)}\n\nand enter the code ${shown} there.`
      : `  ${paint('cyan', completeUri)}\n\nand compare the code: ${shown} (to type by hand: ${uri}).`
  return `To log in for "${name}", open this page, on any device:

${steps} It is good for ${describeSpan(expiresIn / 1_000)}.
Waiting for that; Ctrl-C gives up.

`
}

/** SIGINT or SIGTERM gives the login up; a second one ends the process. */
class Interrupt {
  readonly #over = new AbortController()
  readonly #onSignal = (signal: NodeJS.Signals) => {
    this.by = signal
    this.close()
    this.#over.abort()
  }
  by: NodeJS.Signals | undefined

  constructor() {
    process.on('SIGINT', this.#onSignal).on('SIGTERM', this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  close(): void {
    process.removeListener('SIGINT', this.#onSignal).removeListener('SIGTERM', this.#onSignal)
  }
}
