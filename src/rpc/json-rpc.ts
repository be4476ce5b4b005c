import { type ClientRequest, type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { parseObject } from '../json/read.js'
import type { Clock } from '../time/clock.js'
import { formatMillis, type Millis } from '../time/units.js'

/** No result could be had. The message names the endpoint's host, and holds nothing of request or answer but a code. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  /** The endpoint answered, and said no. */
  readonly refused: boolean

  constructor(message: string, refused: boolean) {
    super(message)
    this.refused = refused
  }
}

/** Calls one method. @throws RpcError, and nothing else */
export type Rpc = (method: string, params: readonly unknown[]) => Promise<unknown>

export type RpcSettings = {
  readonly url: string
  /** From the call to the last byte of its answer. */
  readonly timeout: Millis
  /** PEM texts to trust by; the platform's roots when undefined. */
  readonly ca: readonly string[] | undefined
}

/** Logs of many payments in one answer. */
const MOST_ANSWER = 16 * 1_048_576

/**
 * JSON-RPC 2.0 by POST, straight to the endpoint whatever proxies the environment names: one of them may be this very
 * daemon. One connection for each call, no redirects, no retries: the caller knows what a repeat means.
 */
export function jsonRpc({ url, timeout, ca }: RpcSettings, clock: Clock): Rpc {
  const target = new URL(url)
  const where = `JSON-RPC at ${target.host}`
  let id = 0
  return async (method, params) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params })
    const { status, text } = await post(target, body, { timeout, ca, where }, clock)
    return resultOf(text, status, where)
  }
}

type Answer = { readonly status: number; readonly text: string }
type Ways = Pick<RpcSettings, 'timeout' | 'ca'> & { readonly where: string }

function post(target: URL, body: string, { timeout, ca, where }: Ways, clock: Clock): Promise<Answer> {
  return new Promise<Answer>((resolve, reject) => {
    const call = open(target, body, ca)
    const fail = (why: string) => {
      cancel()
      call.destroy()
      reject(new RpcError(`${where} ${why}`, false))
    }
    const cancel = clock.schedule(timeout, () => fail(`did not answer within ${formatMillis(timeout)}`))
    call.on('error', error => fail(`cannot be reached: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`))
    call.on('response', answer =>
      collect(answer, fail, text => {
        cancel()
        resolve({ status: answer.statusCode ?? 0, text })
      }),
    )
    call.end(body)
  })
}

function open(target: URL, body: string, ca: readonly string[] | undefined): ClientRequest {
  const auth = target.username === '' ? {} : { auth: `${decode(target.username)}:${decode(target.password)}` }
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'accept-encoding': 'identity',
  }
  const options = { method: 'POST', agent: false, headers, ...auth } as const
  return target.protocol === 'https:'
    ? requestTls(target, { ...options, ca: ca && [...ca] })
    : requestPlain(target, options)
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function collect(answer: IncomingMessage, fail: (why: string) => void, done: (text: string) => void): void {
  const chunks: Buffer[] = []
  let length = 0
  answer.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > MOST_ANSWER) fail('gave an answer that is longer than 16 MiB')
    else chunks.push(chunk)
  })
  answer.on('error', () => fail('broke off its answer'))
  answer.on('end', () => done(Buffer.concat(chunks).toString('utf8')))
}

function resultOf(text: string, status: number, where: string): unknown {
  const answer = parseObject(text)
  if (answer === undefined) throw new RpcError(`${where} answered ${status} without JSON`, false)
  const error = answer['error']
  if (typeof error === 'object' && error !== null) {
    const code = (error as { code?: unknown }).code
    throw new RpcError(`${where} refused: code ${typeof code === 'number' ? code : 'unknown'}`, true)
  }
  if (!Object.hasOwn(answer, 'result')) throw new RpcError(`${where} answered ${status} without a result`, false)
  return answer['result']
}
