import { constants } from 'node:os'
import { basename, join } from 'node:path'
import { type Ending, runForeground } from '../child/foreground.js'
import { proxyEnvironment } from '../child/proxy-environment.js'
import { Sandbox } from '../child/sandbox.js'
import { SignalRelay } from '../child/signal-relay.js'
import { SecretError } from '../config/secret.js'
import { BindError } from '../listener/doors.js'
import { writeTrustFiles } from '../trust/trust-files.js'
import { type CommandInput, textOption } from './command.js'
import { givenDaemon, type RunDaemon, startPrivateDaemon, UnreachableError } from './run-daemon.js'
import { complaintsIn } from './run-log.js'

/** What starts a Java virtual machine. */
const JVM = /^(?:java|jshell|mvnw?|gradlew?|sbt|scala|kotlin|lein|clojure)$/
const UNCOVERED = 'Java cannot send a proxy password, so it goes past mulligan; `mulligan run --no-auth` covers it'

/** `mulligan run`: a program behind a daemon of its own (FP-28). Resolves to the program's exit code. */
export async function run(input: CommandInput): Promise<number> {
  const relay = new SignalRelay()
  const sandbox = new Sandbox('run')
  let ending: Ending | undefined
  try {
    const daemon = await daemonFor(input, sandbox)
    ending = relay.early ? undefined : await start(input, daemon, sandbox, relay)
    await daemon.close()
    const code = ending === undefined ? afterSignal(relay.early) : exitCode(input, ending)
    if (code !== 0 && daemon.log !== undefined) explain(input, daemon.log)
    return code
  } catch (error) {
    return complain(input, error)
  } finally {
    await sandbox.close()
    const byInterrupt = ending?.kind === 'killed' && ending.signal === 'SIGINT' && (await relay.interrupted())
    relay.close()
    // A shell ends its loop only if it sees that the interrupt ended what it ran.
    if (byInterrupt) process.kill(process.pid, 'SIGINT')
  }
}

function daemonFor(input: CommandInput, sandbox: Sandbox): Promise<RunDaemon> {
  const given = textOption(input, 'daemon')
  return given === undefined ? startPrivateDaemon(input, sandbox.folder) : givenDaemon(input, given)
}

function start(input: CommandInput, daemon: RunDaemon, sandbox: Sandbox, relay: SignalRelay): Promise<Ending> {
  const { env, stderr } = input.io
  const { proxyUrl, caPem, log } = daemon
  const asksPassword = new URL(proxyUrl).username !== ''
  const variables = proxyEnvironment({
    proxyUrl,
    asksPassword,
    trust: caPem === undefined ? undefined : writeTrustFiles(join(sandbox.folder, 'trust'), caPem, env),
    loopback: input.values['proxy-loopback'] === true,
    parent: env,
  })
  if (asksPassword && JVM.test(basename(input.positionals[0] ?? ''))) stderr.write(`mulligan: ${UNCOVERED}\n`)
  if (input.values['verbose'] === true)
    stderr.write(`mulligan: proxy ${new URL(proxyUrl).host}, log ${log ?? 'not kept'}\n`)
  return runForeground(sandbox, relay, input.positionals, { ...env, ...Object.fromEntries(variables) })
}

/** As a shell has it (POSIX 2.8.2): 127 not found, 126 not executable, 128 + n killed by signal n. */
function exitCode(input: CommandInput, ending: Ending): number {
  switch (ending.kind) {
    case 'exit':
      return ending.code
    case 'killed':
      return afterSignal(ending.signal)
    case 'not-started': {
      const missing = ending.errno === 'ENOENT'
      const what = missing ? 'there is no such program' : `cannot be run (${ending.errno})`
      input.io.stderr.write(`mulligan: ${input.positionals[0]}: ${what}\n`)
      return missing ? 127 : 126
    }
  }
}

const afterSignal = (signal: NodeJS.Signals | undefined): number =>
  signal === undefined ? 1 : 128 + constants.signals[signal]

/** A program that failed may have failed because of us: an untrusted certificate shows in our log only. */
function explain(input: CommandInput, log: string): void {
  const complaints = complaintsIn(log)
  for (const complaint of complaints.slice(0, 3)) input.io.stderr.write(`mulligan: ${complaint}\n`)
  if (complaints.length > 0) input.io.stderr.write(`mulligan: the log is ${log}\n`)
}

function complain(input: CommandInput, error: unknown): number {
  const cannotReach = error instanceof UnreachableError || error instanceof BindError
  if (!cannotReach && !(error instanceof SecretError)) throw error
  input.io.stderr.write(`mulligan: ${error.message}\n`)
  return cannotReach ? 3 : 2
}
