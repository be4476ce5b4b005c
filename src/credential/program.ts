import { type ChildProcess, spawn } from 'node:child_process'
import type { Env } from '../config/default-config.js'
import type { Cancel, Clock } from '../time/clock.js'
import { formatMillis, type Millis, millis } from '../time/units.js'
import { outputTail } from './output-tail.js'
import { SourceError } from './source.js'
import { MOST_BYTES } from './token-text.js'

export type Program = {
  /** Name or path, then arguments. No shell reads them. */
  readonly command: readonly string[]
  /** It and all its children are killed after this. */
  readonly timeout: Millis
  /** All that it gets to see. */
  readonly env: Env
}

/** Last bytes of stderr that are kept. */
const MOST_STDERR = 4_096
/** After its end a program's output may still come, or be held open for good by a child that it left behind. */
const OUTPUT_GRACE = millis(250)
/** EX_CONFIG of sysexits.h: the program says that somebody has to do something. */
const EX_CONFIG = 78
const WINDOWS = process.platform === 'win32'
const SECRET_NAME = /token|secret|key|pass|cred|auth/i
/** A shorter text would mask half a message. */
const LEAST_SECRET = 6

type Failure = { readonly why: string; readonly permanent: boolean }
type Output = { stdout: Buffer; stderr: Buffer; cut: boolean }

/**
 * What a program prints. It has no shell, no terminal and nothing to read, and it is gone when this has failed.
 * @throws SourceError when it cannot be started, fails, prints more than 64 KiB or does not end in time
 */
export async function runProgram(program: Program, clock: Clock, signal: AbortSignal): Promise<Buffer> {
  const { command, timeout } = program
  const [name = ''] = command
  if (signal.aborted) throw new SourceError(`${name} was not started in time`, false)
  const child = start(program)
  const output: Output = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), cut: false }
  const cancels: Cancel[] = []
  try {
    // Resolves with what went wrong, `undefined` for nothing.
    const failure = await new Promise<Failure | undefined>(resolve => {
      const stop = (why: string) => {
        killGroup(child)
        resolve({ why, permanent: false })
      }
      const aborted = () => stop('was ended before it gave a token')
      signal.addEventListener('abort', aborted, { once: true })
      cancels.push(() => signal.removeEventListener('abort', aborted))
      cancels.push(clock.schedule(timeout, () => stop(`took longer than ${formatMillis(timeout)}`)))
      collect(child, output, () => stop('printed more than 64 KiB'))
      child.on('error', error => resolve(startFailure(error)))
      child.once('exit', () => cancels.push(clock.schedule(OUTPUT_GRACE, () => resolve(endOf(child)))))
      child.once('close', () => resolve(endOf(child)))
    })
    if (failure === undefined) return output.stdout
    const words = lastWords(output, program)
    throw new SourceError(`${name} ${failure.why}${words === '' ? '' : `: ${words}`}`, failure.permanent)
  } finally {
    for (const cancel of cancels) cancel()
    child.removeAllListeners('exit')
    child.stdout?.destroy()
    child.stderr?.destroy()
  }
}

function endOf({ exitCode, signalCode }: ChildProcess): Failure | undefined {
  if (exitCode === 0) return undefined
  if (exitCode === null) return { why: `was ended by ${signalCode}`, permanent: false }
  return { why: `ended with exit code ${exitCode}`, permanent: exitCode === EX_CONFIG }
}

function start({ command, env }: Program): ChildProcess {
  const [name = '', ...args] = command
  try {
    // A group of its own can be killed as a whole; a session of its own has no terminal to ask on.
    return spawn(name, args, {
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: !WINDOWS,
      windowsHide: true,
    })
  } catch (error) {
    throw new SourceError(`${name} ${startFailure(error).why}`, false)
  }
}

function collect({ stdout, stderr }: ChildProcess, output: Output, overflow: () => void): void {
  stdout?.on('data', (data: Buffer) => {
    output.stdout = Buffer.concat([output.stdout, data])
    if (output.stdout.length > MOST_BYTES) overflow()
  })
  stderr?.on('data', (data: Buffer) => {
    const all = Buffer.concat([output.stderr, data])
    output.cut ||= all.length > MOST_STDERR
    output.stderr = all.subarray(-MOST_STDERR)
  })
  // A pipe that breaks is a program that ends, which tells itself.
  stdout?.on('error', () => undefined)
  stderr?.on('error', () => undefined)
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined && !WINDOWS) process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  } catch {
    // The group is gone.
  }
}

/** What stands on stderr, without what the program printed as its answer and without what may be its secrets. */
function lastWords({ stdout, stderr, cut }: Output, { command, env }: Program): string {
  const printed = stdout.toString('utf8').split(/[\s"',:{}]+/)
  const given = Object.entries(env).map(([name, value]) => (SECRET_NAME.test(name) ? (value ?? '') : ''))
  // The name of an option is none: `--secret=…`.
  const told = command.slice(1).map(argument => argument.replace(/^-[^=]*=?/, ''))
  const secrets = [...printed, ...given, ...told].filter(text => text.length >= LEAST_SECRET)
  return outputTail(stderr.toString('utf8'), cut, secrets)
}

/** A program that is not there does not come by itself: permanent. */
function startFailure(error: unknown): Failure {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') {
    return { why: 'cannot be run: there is no such program; check `exec.command` and PATH', permanent: true }
  }
  if (code === 'EACCES') {
    return { why: 'cannot be run: it may not be executed; check its permissions', permanent: true }
  }
  return { why: `cannot be run: ${code ?? 'unknown error'}`, permanent: false }
}
