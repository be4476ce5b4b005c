import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import type { Answers } from '../admin/answers.js'
import { OPERATIONS, type Operation, type OperationId, type QueryOf } from '../admin/operations.js'
import { ANSWERS, PROBLEM } from '../admin/schemas.js'
import { readToken, tokenPath } from '../admin/token.js'
import type { ListenAddress } from '../config/config.js'
import { clientAddress, formatListenAddress } from '../config/listen-address.js'
import { type Millis, seconds } from '../time/units.js'

/** A daemon that takes longer to answer is none. */
const ANSWER_WITHIN = seconds(3)
/** Those that wait for somebody else: a token, a configuration with secrets. */
const CHANGE_WITHIN = seconds(30)
/** An answer that grows beyond this is not one of ours. */
const MOST_BYTES = 67_108_864

/** No daemon says anything there: exit code 3. The message holds the remedy. */
export class NoDaemonError extends Error {
  override readonly name = 'NoDaemonError'
}

/** The daemon is there and refuses, in its words. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly status: number

  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }
}

type IdOf<M extends Operation['method']> = {
  [I in OperationId]: (typeof OPERATIONS)[I]['method'] extends M ? I : never
}[OperationId] &
  keyof Answers

export type Given<I extends OperationId> = {
  /** Parts of the path. */
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Partial<QueryOf<I>>
  /** Goes as JSON. */
  readonly body?: object
}

/**
 * What the running daemon knows. Things that it says more than this version knows stay in the answer.
 * @param admin as configured @throws NoDaemonError, RefusedError
 */
export function ask<I extends IdOf<'GET'>>(
  admin: ListenAddress | undefined,
  id: I,
  given: Given<I> = {},
): Promise<Answers[I]> {
  return call(admin, id, given, ANSWER_WITHIN, {})
}

/**
 * Has the running daemon change something, which the token in its state directory allows.
 * @param state the directory @throws NoDaemonError, RefusedError
 */
export async function tell<I extends IdOf<'POST'>>(
  admin: ListenAddress | undefined,
  state: string,
  id: I,
  given: Given<I> = {},
): Promise<Answers[I]> {
  return call(admin, id, given, CHANGE_WITHIN, { authorization: `Bearer ${tokenIn(state)}` })
}

/** The certificate with which the running daemon vouches, in PEM; `undefined` while it intercepts nothing. @throws NoDaemonError */
export async function askCertificate(admin: ListenAddress | undefined): Promise<string | undefined> {
  const { status, text } = await answerFrom(reachable(admin), 'ca', {}, ANSWER_WITHIN, {})
  return status === 200 ? text : undefined
}

function tokenIn(state: string): string {
  const path = tokenPath(state)
  try {
    const token = readToken(path)
    if (token !== undefined) return token
  } catch (error) {
    throw new RefusedError(401, `the admin token ${path} cannot be used: ${(error as Error).message}`)
  }
  throw new RefusedError(401, `there is no admin token ${path}: is --state that of the daemon?`)
}

async function call<I extends IdOf<'GET' | 'POST'>>(
  admin: ListenAddress | undefined,
  id: I,
  given: Given<I>,
  within: Millis,
  fields: Readonly<Record<string, string>>,
): Promise<Answers[I]> {
  const address = reachable(admin)
  const where = formatListenAddress(address)
  const { status, text } = await answerFrom(address, id, given, within, fields)
  const json = jsonOf(text)
  // A readiness that is refused is an answer.
  const { success = 200 }: Operation = OPERATIONS[id]
  const isAnswer = status === success || id === 'readiness'
  const answer = isAnswer ? (ANSWERS[id].safeParse(json).data as Answers[I] | undefined) : undefined
  if (answer !== undefined) return answer
  const problem = status >= 400 ? PROBLEM.safeParse(json).data : undefined
  if (problem !== undefined) throw new RefusedError(status, problem.detail)
  const advice = 'it is no mulligan, or one of another version'
  throw new NoDaemonError(`${where} gave no answer that is understood (status ${status}): ${advice}`)
}

/** @throws NoDaemonError */
function answerFrom(...[address, ...order]: Parameters<typeof send>): ReturnType<typeof send> {
  return send(address, ...order).catch((error: unknown) => {
    const remedy = 'start one with `mulligan start`, or say where its admin side is: --admin ADDR'
    throw new NoDaemonError(`no daemon answers on ${formatListenAddress(address)} (${reasonOf(error)}); ${remedy}`)
  })
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

function targetOf<I extends OperationId>(id: I, { params = {}, query = {} }: Given<I>): string {
  const path = OPERATIONS[id].path.replace(/:(\w+)/g, (_all, name: string) => encodeURIComponent(params[name] ?? ''))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  return search.size === 0 ? path : `${path}?${search}`
}

async function send<I extends OperationId>(
  address: ListenAddress,
  id: I,
  given: Given<I>,
  within: Millis,
  fields: Readonly<Record<string, string>>,
): Promise<{ status: number; text: string }> {
  const body = given.body && JSON.stringify(given.body)
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request({
      method: OPERATIONS[id].method,
      path: targetOf(id, given),
      headers: {
        host: address.kind === 'unix' ? 'localhost' : formatListenAddress(address),
        ...fields,
        ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
      // Without an agent: one may have been taught to use a proxy.
      createConnection: () => connect(address.kind === 'unix' ? { path: address.path } : address),
      signal: AbortSignal.timeout(within),
    })
      .on('response', resolve)
      .on('error', reject)
      .end(body)
  })
  return { status: answer.statusCode ?? 0, text: await textOf(answer) }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  // Leaving the loop early ends the connection.
  for await (const part of answer as AsyncIterable<Buffer>) {
    length += part.length
    if (length > MOST_BYTES) return ''
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
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
