import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { seconds } from '../time/units.js'
import type { SecretRef } from './config.js'
import type { Env } from './default-config.js'

/** A secret could not be had. The message names where it should have come from, and holds nothing that came from there. */
export class SecretError extends Error {
  override readonly name = 'SecretError'
  /** Where it should have come from. */
  readonly ref: SecretRef | undefined

  constructor(message: string, ref?: SecretRef) {
    super(message)
    this.ref = ref
  }
}

/** Gives the secret as it is now; rejects with `SecretError`. */
export type SecretReader = () => Promise<string>

/** An `exec` secret: its time and how much it may print; the same cap holds for a file. */
const EXEC_TIMEOUT = seconds(10)
const MOST_BYTES = 65_536

/**
 * How to read a secret: a literal or variable as it is, a file again whenever it changed, a program once (its
 * secret is kept; a failure is not). One newline at the end is taken off.
 */
export function secretReader(ref: SecretRef, env: Env): SecretReader {
  if ('literal' in ref) return async () => ref.literal
  const read =
    'env' in ref ? async () => fromEnv(ref.env, env) : 'file' in ref ? fromFile(ref.file) : fromProgram(ref.exec, env)
  return () =>
    read().catch((error: unknown) => {
      throw error instanceof SecretError ? new SecretError(error.message, ref) : error
    })
}

function fromEnv(name: string, env: Env): string {
  const value = env[name]
  if (value) return value
  throw new SecretError(`environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}`)
}

function fromFile(path: string): SecretReader {
  let seen = ''
  let secret = ''
  return async () => {
    try {
      const { mtimeMs, ino, size } = await stat(path)
      // A new inode as well: a mounted secret is replaced by renaming, and may keep its time and size.
      const now = `${mtimeMs} ${ino} ${size}`
      if (now === seen) return secret
      if (size > MOST_BYTES) throw new SecretError(`${path} is longer than 64 KiB`)
      secret = clean(await readFile(path, 'utf8'), path)
      seen = now
      return secret
    } catch (error) {
      if (error instanceof SecretError) throw error
      throw new SecretError(`cannot read ${path}: ${errorCode(error)}`)
    }
  }
}

function fromProgram(command: readonly string[], env: Env): SecretReader {
  const [program = '', ...args] = command
  let pending: Promise<string> | undefined
  return () => {
    pending ??= run(program, args, env).catch((error: unknown) => {
      pending = undefined
      throw error
    })
    return pending
  }
}

/** No shell; what the program prints, on either stream, goes into no message. */
function run(program: string, args: readonly string[], env: Env): Promise<string> {
  const options = { timeout: EXEC_TIMEOUT, maxBuffer: MOST_BYTES, killSignal: 'SIGKILL', env: { ...env } } as const
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { ...options, encoding: 'utf8' }, (error, stdout) => {
      try {
        if (error !== null)
          throw new SecretError(`${program} failed: ${error.killed ? 'took longer than 10s' : errorCode(error)}`)
        resolve(clean(stdout, program))
      } catch (failure) {
        reject(failure)
      }
    })
  })
}

function clean(text: string, origin: string): string {
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw new SecretError(`${origin} gave an empty secret`)
  return secret
}

/** `ENOENT`, or `exit code 3`. */
function errorCode(error: unknown): string {
  const code = (error as { code?: unknown }).code
  return typeof code === 'number' ? `exit code ${code}` : typeof code === 'string' ? code : 'unknown error'
}
