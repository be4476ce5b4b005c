import { type Agent, type ClientRequest, type IncomingMessage, request as sendRequest } from 'node:http'
import { ContentCheck, contentOf } from './content.js'
import type { Errand } from './errand.js'
import type { Seen } from './explained.js'
import { note, type Tally } from './tally.js'
import { ECHO, LENGTH, wishFields } from './upstream-request.js'

/** How a client reaches an origin through the daemon. */
export type Path = {
  readonly port: number
  /** What its connections carry as request-target and `Host`. */
  readonly target: string
  readonly host: string
  readonly agent: Agent
}

/** What all calls of a client process share. */
export type Calls = {
  readonly tally: Tally
  /** No answer of the daemon's own may hold one of these. */
  readonly secrets: readonly string[]
}

/** Between the pieces of a slow upload, in milliseconds, and how many there are. */
const DRIP = 80
const DRIPS = 12

export function openCall(path: Path, errand: Errand, id: number): ClientRequest {
  const { port, target, host, agent } = path
  const { method, uploads, streamed, keyed } = errand
  return sendRequest({
    ...{ host: '127.0.0.1', port, path: target, method, agent, setHost: false },
    headers: {
      host,
      ...wishFields({ id, ...errand }),
      ...(uploads > 0 && (streamed ? { 'transfer-encoding': 'chunked' } : { 'content-length': uploads })),
      ...(keyed !== 'no' && { 'idempotency-key': `soak-key-${id}` }),
    },
  })
}

/** Sends a whole request, reads the answer, and judges it. */
export function call(calls: Calls, path: Path, errand: Errand, id: number): Promise<Seen> {
  const request = openCall(path, errand, id)
  const answered = new Promise<Seen>(resolve => {
    request.once('response', response => void judge(calls, errand, id, response).then(resolve))
    // After an answer an error says that the rest of the upload is not wanted.
    request.on('error', error => resolve(unanswered(error)))
  })
  void upload(request, errand, id)
  return answered
}

/** The tunnel that a request is sent through may be refused, by a daemon that protects itself. */
function unanswered(error: Error): Seen {
  const isRefused = /^CONNECT \S+ HTTP\/1\.1 503/.test(error.message)
  return isRefused ? { kind: 'own', status: 503, code: 'overloaded' } : { kind: 'unanswered', error: String(error) }
}

async function upload(request: ClientRequest, { uploads, streamed, manner }: Errand, id: number): Promise<void> {
  const body = contentOf(id, uploads)
  if (!streamed && manner !== 'slow-upload') return void request.end(body)
  const piece = Math.max(1, Math.ceil(uploads / DRIPS))
  for (let at = 0; at < uploads && !request.destroyed; at += piece) {
    request.write(body.subarray(at, at + piece))
    const wait = manner === 'slow-upload' ? DRIP : 1
    await new Promise(resolve => setTimeout(resolve, wait))
  }
  request.end()
}

async function judge(calls: Calls, errand: Errand, id: number, response: IncomingMessage): Promise<Seen> {
  const { headers, statusCode: status = 0 } = response
  // A stored answer comes without the upstream's own fields; its bytes tell whose it is.
  const isReplayed = errand.keyed !== 'no' && headers['idempotent-replayed'] === 'true'
  const echo = isReplayed ? id : headers[ECHO]
  const length = isReplayed ? errand.answers : Number(headers[LENGTH] ?? 0)
  if (echo === undefined) return own(calls, errand, id, response)
  const check = new ContentCheck(id)
  const isWhole = await read(response, chunk => check.feed(chunk))
  if (Number(echo) !== id || !check.matches) {
    calls.tally.foreign++
    note(calls.tally, errand, id, `an answer with ${ECHO}: ${echo}, bytes ${check.matches ? 'right' : 'wrong'}`)
  }
  if (!isWhole) return { kind: 'broken', status }
  if (check.length !== length) {
    calls.tally.cutAsWhole++
    note(calls.tally, errand, id, `${check.length} bytes of ${length} ended well`)
  }
  return { kind: 'whole', status }
}

/** Without the upstream's mark it has to be the daemon's word, in the form it promises. */
async function own(calls: Calls, errand: Errand, id: number, response: IncomingMessage): Promise<Seen> {
  let text = ''
  const isWhole = await read(response, chunk => {
    text += chunk.toString('latin1')
  })
  const { statusCode: status = 0 } = response
  if (calls.secrets.some(secret => text.includes(secret))) calls.tally.leaks++
  const isProblem = response.headers['content-type'] === 'application/problem+json'
  if (isWhole && isProblem) return { kind: 'own', status, code: codeOf(text) }
  calls.tally.foreign++
  note(calls.tally, errand, id, `${status} of nobody: ${JSON.stringify(text.slice(0, 80))}`)
  return isWhole ? { kind: 'whole', status } : { kind: 'broken', status }
}

function codeOf(text: string): string {
  try {
    return String((JSON.parse(text) as { readonly code?: unknown }).code)
  } catch {
    return 'not JSON'
  }
}

/** Resolves to whether it ended as an answer should. */
function read(response: IncomingMessage, onData: (chunk: Buffer) => void): Promise<boolean> {
  return new Promise(resolve => {
    response.on('data', onData).on('error', () => undefined)
    response.once('end', () => resolve(response.complete))
    response.once('close', () => resolve(false))
  })
}
