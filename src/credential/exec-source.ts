import type { ExecSettings } from '../config/credential.js'
import type { Env } from '../config/default-config.js'
import { type Clock, markTime } from '../time/clock.js'
import { runProgram } from './program.js'
import { type Fetched, type Source, SourceError } from './source.js'
import { readExecCredential, readTokenDocument } from './token-document.js'
import { asFetched, decodeText } from './token-text.js'

/** Tells a Kubernetes plugin which version to answer in, and that there is nobody to ask (client.authentication.k8s.io/v1). */
const EXEC_INFO = JSON.stringify({
  apiVersion: 'client.authentication.k8s.io/v1',
  kind: 'ExecCredential',
  spec: { interactive: false },
})

/** A token that a program prints (T7). @param env all that the program gets to see */
export function execSource({ command, timeout, format }: ExecSettings, env: Env, clock: Clock): Source {
  const [name = ''] = command
  const seen = format === 'exec_credential' ? { KUBERNETES_EXEC_INFO: EXEC_INFO, ...env } : env
  const fetch = async (signal: AbortSignal): Promise<Fetched> => {
    const askedAt = markTime(clock)
    const printed = await runProgram({ command, timeout, env: seen }, clock, signal)
    return read(decodeText(printed, name), format, askedAt(), name)
  }
  // Its arguments may hold a secret.
  return { description: `program ${name}`, fetch }
}

function read(text: string, format: ExecSettings['format'], askedAt: number, name: string): Fetched {
  if (text.trim() === '') throw new SourceError(`${name} printed nothing`, false)
  switch (format) {
    case 'json':
      return readTokenDocument(text, askedAt, name)
    case 'exec_credential':
      return readExecCredential(text, askedAt, name)
    case 'text':
      if (/^\s*\{/.test(text)) throw new SourceError(`${name} printed JSON; set \`exec.format\``, false)
      return asFetched(text, undefined, askedAt, name)
  }
}
