import { execFile } from 'node:child_process'
import type { Env } from '../config/default-config.js'
import { formatMillis, type Millis } from '../time/units.js'
import type { TypedData } from '../x402/scheme.js'
import { type Signer, SignerError } from './signer.js'

export type SigningProgram = {
  /** Program and arguments; no shell. */
  readonly command: readonly string[]
  readonly timeout: Millis
}

/** A signature is 132 characters: what is longer is something else. */
const MOST_OUTPUT = 4_096

/**
 * A program that is given EIP-712 data as JSON on stdin and prints the signature in hex: the key lives elsewhere. What
 * it prints, on either stream, goes into no message.
 * @param env all that the program gets to see
 */
export function execSigner({ command, timeout }: SigningProgram, address: string, env: Env): Signer {
  const running = new AbortController()
  const sign = async (typed: TypedData) => {
    if (running.signal.aborted) throw new SignerError('the wallet is closed')
    return run({ command, timeout }, JSON.stringify(typed), env, running.signal)
  }
  return { address, sign, close: () => running.abort() }
}

function run({ command, timeout }: SigningProgram, input: string, env: Env, signal: AbortSignal): Promise<string> {
  const [program = '', ...args] = command
  const options = {
    timeout,
    maxBuffer: MOST_OUTPUT,
    killSignal: 'SIGKILL',
    windowsHide: true,
    env: { ...env },
  } as const
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { ...options, signal, encoding: 'utf8' }, (error, stdout) => {
      if (error === null) resolve(stdout.trim())
      else reject(new SignerError(`${program} did not sign: ${whyOf(error, timeout)}`))
    })
    // A program that does not read its input still may sign; one that is gone tells itself.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

function whyOf(error: Error & { code?: unknown; killed?: boolean; signal?: unknown }, timeout: Millis): string {
  if (error.name === 'AbortError') return 'the wallet was closed'
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'it printed more than a signature'
  if (error.killed === true) return `it took longer than ${formatMillis(timeout)}`
  if (typeof error.code === 'number') return `exit code ${error.code}`
  return typeof error.code === 'string' ? error.code : `ended by ${String(error.signal)}`
}
