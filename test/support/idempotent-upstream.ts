import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** One thing that an upstream gets wrong about idempotency. */
export type Defect =
  | 'caches 429'
  | 'pins 503 on 429'
  | 'caches 5xx'
  | 'caches 401'
  | 'caches 4xx'
  | 'ignores the key'
  | 'global scope'
  | 'replays a mismatch'
  | 'executes a mismatch'
  | 'no lock in flight'
  | 'new id on replay'
  | 'conflict leaks the request'
  | 'conflict leaks the answer'
  | 'no Retry-After'
  | 'Retry-After: 120'
  | 'limiter slow to clear'
  | 'no limiter'
  | 'short ttl'
  | 'dedups by content'
  | 'takes requests without a key'
  | 'forgets who left'
  | 'commits, then 503'
  | 'breaks under load'
  | 'undeclared'
  | 'declares no support'
  | 'in flight for ever'
  | 'in flight hides a mismatch'

export type UpstreamBehaviour = {
  readonly defect?: Defect | undefined
  /** What a duplicate of a running request gets: its answer, or a 409 with Retry-After. */
  readonly inFlight?: 'wait' | 'reject'
  /** Speaks JSON-RPC as an MCP tool of AdCP does. */
  readonly mcp?: boolean
  readonly tls?: ServerOptions
}

export type IdempotentUpstream = {
  readonly url: string
  /** Orders made, and not removed since. */
  readonly orders: () => number
  /** Every `Authorization` and key that was sent. */
  readonly secrets: Set<string>
  readonly close: () => Promise<void>
}

type Result = {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers?: Record<string, string>
}
type Entry = { fingerprint: string; payload: unknown; result: Promise<Result>; running: boolean; endsAt: number }
type Asked = { key: string | undefined; payload: Record<string, unknown>; client: string | undefined; fault: boolean }

/** New keys before the limiter refuses; everybody waits until it is full again, in milliseconds. */
const CAPACITY = 40
const REFILL = 800
const SHORT_TTL = 8_000
const CLIENTS = new Map([
  ['Bearer alice-secret-token', 'alice'],
  ['Bearer bob-secret-token', 'bob'],
])
const TAKES = 8

/** An API that dedups by key as its draft and AdCP want it; with a defect, all but one thing of it. */
export async function startIdempotentUpstream(behaviour: UpstreamBehaviour = {}): Promise<IdempotentUpstream> {
  const engine = createEngine(behaviour)
  const secrets = new Set<string>()
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void serve(request, response).catch(() => response.destroy())
  const server = behaviour.tls ? createTlsServer(behaviour.tls, listener) : createServer(listener)
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request)
    const authorization = request.headers.authorization
    const { method, url } = request
    if (method === 'GET') return send(response, { status: 200, body: { total: engine.orders.size } })
    if (method === 'DELETE') {
      const gone = engine.orders.delete(url?.split('/').at(-1) ?? '')
      return send(response, { status: gone ? 200 : 404, body: {} })
    }
    const json = JSON.parse(body.toString()) as Record<string, unknown>
    const asked: Asked = {
      key: request.headers['idempotency-key'] as string | undefined,
      payload: json,
      client: authorization === undefined ? undefined : CLIENTS.get(authorization),
      fault: request.headers['x-fault'] !== undefined,
    }
    const left = new Promise<void>(resolve => response.once('close', () => response.writableFinished || resolve()))
    if (behaviour.mcp === true) return send(response, await tool(json, asked, behaviour, engine, left))
    for (const secret of [authorization, asked.key]) if (secret !== undefined) secrets.add(secret)
    send(response, await engine.handle(asked, left))
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `${behaviour.tls ? 'https' : 'http'}://localhost:${(server.address() as AddressInfo).port}`,
    orders: () => engine.orders.size,
    secrets,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function send(response: ServerResponse, { status, body, headers = {} }: Result): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
}

function createEngine({ defect, inFlight = 'wait' }: UpstreamBehaviour) {
  const orders = new Map<string, unknown>()
  const entries = new Map<string, Entry>()
  const contents = new Map<string, Promise<Result>>()
  let tokens = CAPACITY
  let refillAt = Number.POSITIVE_INFINITY

  const store = (name: string, fingerprint: string, payload: unknown, result: Promise<Result>) => {
    const endsAt = performance.now() + (defect === 'short ttl' ? SHORT_TTL : 3_600_000)
    const entry: Entry = { fingerprint, payload, result, running: true, endsAt }
    entries.set(name, entry)
    void result.then(() => {
      entry.running = false
    })
    return entry
  }

  const execute = async ({ payload, fault }: Asked): Promise<Result> => {
    await new Promise(resolve => setTimeout(resolve, TAKES))
    // However busy the machine is: what was sent together with this request is read before it ends.
    for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
    if (fault && defect !== 'commits, then 503') return error(503, 'unavailable')
    const id = `order-${randomUUID()}`
    orders.set(id, payload)
    return fault
      ? error(503, 'unavailable')
      : { status: 201, body: { id, token: `t0ken-${id}`, amount: payload['amount'] } }
  }

  const limit = (): Result | undefined => {
    if (defect === 'no limiter') return undefined
    if (performance.now() >= refillAt) {
      tokens = CAPACITY
      refillAt = Number.POSITIVE_INFINITY
    }
    if (tokens-- > 0) return undefined
    tokens = 0
    const wait = defect === 'limiter slow to clear' ? 60_000 : REFILL
    refillAt = Math.min(refillAt, performance.now() + wait)
    const seconds = defect === 'Retry-After: 120' ? '120' : '1'
    return error(429, 'rate_limited', defect === 'no Retry-After' ? {} : { 'Retry-After': seconds })
  }

  const replay = async (entry: Entry): Promise<Result> => {
    const result = await entry.result
    const body = defect === 'new id on replay' ? { ...result.body, id: `order-${randomUUID()}` } : result.body
    return { ...result, body, headers: { ...result.headers, 'Idempotent-Replayed': 'true' } }
  }

  const conflict = async (entry: Entry): Promise<Result> => {
    if (defect === 'conflict leaks the request')
      return error(422, 'idempotency_mismatch', {}, { original: entry.payload })
    if (defect === 'conflict leaks the answer')
      return error(422, 'idempotency_mismatch', {}, { stored: (await entry.result).body })
    return error(422, 'idempotency_mismatch')
  }

  const known = (entry: Entry, fingerprint: string): Promise<Result> | Result | undefined => {
    if (entry.fingerprint === fingerprint) {
      if (entry.running && defect === 'no lock in flight') return undefined
      if (entry.running && defect === 'in flight for ever') return error(409, 'in_progress', { 'Retry-After': '60' })
      if (entry.running && inFlight === 'reject') return error(409, 'in_progress', { 'Retry-After': '1' })
      return replay(entry)
    }
    if (entry.running && defect === 'no lock in flight') return undefined
    if (entry.running && defect === 'in flight hides a mismatch')
      return error(409, 'in_progress', { 'Retry-After': '1' })
    if (defect === 'replays a mismatch') return replay(entry)
    // Not yet at its end: the lock is another matter.
    if (defect === 'executes a mismatch' && !entry.running) return undefined
    return conflict(entry)
  }

  const handle = async (asked: Asked, left: Promise<void>): Promise<Result> => {
    const { key, payload, client } = asked
    const fingerprint = hash(payload)
    const name = `${defect === 'global scope' ? '' : client} ${key}`
    if (client === undefined) {
      const result = error(401, 'unauthorized')
      if (defect === 'caches 401')
        for (const one of CLIENTS.values()) store(`${one} ${key}`, fingerprint, payload, Promise.resolve(result))
      return result
    }
    if (key === undefined && defect !== 'takes requests without a key') return error(400, 'key_missing')
    if (Number(payload['amount']) < 0) {
      const result = error(400, 'amount_invalid')
      if (defect === 'caches 4xx') store(name, '', payload, Promise.resolve(result))
      return result
    }
    const entry = entries.get(name)
    if (entry !== undefined && entry.fingerprint === '') return replay(entry)
    if (entry !== undefined && entry.endsAt > performance.now()) {
      const answer = known(entry, fingerprint)
      if (answer !== undefined && defect !== 'ignores the key') return answer
    }
    const twin = contents.get(`${client} ${fingerprint}`)
    if (defect === 'dedups by content' && twin !== undefined) return twin
    if (defect === 'breaks under load' && orders.size > 30) return error(500, 'oops')
    const refused = limit()
    if (refused !== undefined) {
      if (defect === 'caches 429') store(name, fingerprint, payload, Promise.resolve(refused))
      if (defect === 'pins 503 on 429') store(name, fingerprint, payload, Promise.resolve(error(503, 'unavailable')))
      return refused
    }
    const result = execute(asked)
    store(name, fingerprint, payload, result)
    const gone = left.then(() => 'gone' as const)
    if (defect === 'forgets who left' && (await Promise.race([result, gone])) === 'gone') entries.delete(name)
    const { status } = await result
    if (status < 400) contents.set(`${client} ${fingerprint}`, result)
    // Only a success is the answer of its key.
    if (status >= 400 && defect !== 'caches 5xx') entries.delete(name)
    return result
  }
  return { orders, handle }
}

function error(status: number, code: string, headers: Record<string, string> = {}, more: object = {}): Result {
  return { status, body: { error: { code, ...more } }, headers }
}

const hash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

const ADCP_CODES: Readonly<Record<string, string>> = {
  rate_limited: 'RATE_LIMITED',
  unauthorized: 'AUTH_REQUIRED',
  key_missing: 'INVALID_REQUEST',
  amount_invalid: 'VALIDATION_ERROR',
  idempotency_mismatch: 'IDEMPOTENCY_CONFLICT',
  in_progress: 'IDEMPOTENCY_IN_FLIGHT',
  unavailable: 'SERVICE_UNAVAILABLE',
}

/** The same as a tool of MCP: every answer is a 200, errors and the replay mark are inside. */
async function tool(
  call: Record<string, unknown>,
  asked: Asked,
  { defect }: UpstreamBehaviour,
  engine: ReturnType<typeof createEngine>,
  left: Promise<void>,
): Promise<Result> {
  const { name, arguments: given = {} } = call['params'] as { name: string; arguments?: Record<string, unknown> }
  const wrap = (result: object): Result => ({ status: 200, body: { jsonrpc: '2.0', id: call['id'], result } })
  if (name === 'get_adcp_capabilities') {
    const declared = { supported: defect !== 'declares no support', replay_ttl_seconds: 86_400 }
    const idempotency = defect === 'undeclared' ? {} : declared
    return wrap({ structuredContent: { adcp: { idempotency } } })
  }
  const { idempotency_key: key, ...payload } = given
  const {
    status,
    body,
    headers = {},
  } = await engine.handle({ ...asked, key: key as string | undefined, payload }, left)
  const replayed = headers['Idempotent-Replayed'] === 'true' ? { replayed: true } : {}
  if (status < 400) return wrap({ structuredContent: { ...body, ...replayed } })
  const { code } = body['error'] as { code: string }
  const wait = headers['Retry-After']
  const hint = wait === undefined ? {} : { retry_after: Number(wait) }
  return wrap({
    isError: true,
    structuredContent: { adcp_error: { code: ADCP_CODES[code] ?? code, ...hint }, ...replayed },
  })
}
