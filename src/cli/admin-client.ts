import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import type { ListenAddress } from '../config/config.js'
import { clientAddress, formatListenAddress } from '../config/listen-address.js'
import { seconds } from '../time/units.js'

/** A daemon that takes longer to answer is none. */
const ANSWER_WITHIN = seconds(3)
/** An answer that grows beyond this is not one of ours. */
const MOST_BYTES = 4_194_304

/** No daemon says anything there: exit code 3. The message holds the remedy. */
export class NoDaemonError extends Error {
  override readonly name = 'NoDaemonError'
}

/**
 * What the admin side of the running daemon answers to a GET, as JSON.
 * @param admin as configured @param parse `undefined` for what no daemon of ours says @throws NoDaemonError
 */
export async function readAdmin<T>(
  admin: ListenAddress | undefined,
  path: string,
  parse: (json: unknown) => T | undefined,
): Promise<T> {
  const address = reachable(admin)
  const where = formatListenAddress(address)
  const { status, text } = await get(address, path).catch((error: unknown) => {
    const remedy = 'start one with `mulligan start`, or say where its admin side is: --admin ADDR'
    throw new NoDaemonError(`no daemon answers on ${where} (${reasonOf(error)}); ${remedy}`)
  })
  const answer = status === 200 ? parse(jsonOf(text)) : undefined
  if (answer === undefined) {
    const advice = 'it is no mulligan, or one of another version'
    throw new NoDaemonError(`${where} gave no answer that is understood (status ${status}): ${advice}`)
  }
  return answer
}

/** Where to connect. @throws NoDaemonError when the configuration does not say */
function reachable(admin: ListenAddress | undefined): ListenAddress {
  if (admin === undefined)
    throw new NoDaemonError(
      'the admin side is off (listen.admin), and a daemon is asked there; turn it on: --admin 127.0.0.1:8403',
    )
  if (admin.kind === 'tcp' && admin.port === 0)
    throw new NoDaemonError(
      'listen.admin has port 0, which is any free one; say which, from the record `ready` of its log: --admin ADDR',
    )
  return clientAddress(admin)
}

async function get(address: ListenAddress, path: string): Promise<{ status: number; text: string }> {
  const signal = AbortSignal.timeout(ANSWER_WITHIN)
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request({
      path,
      headers: { host: address.kind === 'unix' ? 'localhost' : formatListenAddress(address) },
      // Without an agent: one may have been taught to use a proxy.
      createConnection: () => connect(address.kind === 'unix' ? { path: address.path } : address),
      signal,
    })
      .on('response', resolve)
      .on('error', reject)
      .end()
  })
  const parts: Buffer[] = []
  let length = 0
  // Leaving the loop early ends the connection.
  for await (const part of answer as AsyncIterable<Buffer>) {
    length += part.length
    if (length > MOST_BYTES) return { status: answer.statusCode ?? 0, text: '' }
    parts.push(part)
  }
  return { status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ABORT_ERR' ? 'it takes too long' : (code ?? message)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
