import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as requestPlain,
  validateHeaderValue,
} from 'node:http'
import { request as requestTls, Agent as TlsAgent } from 'node:https'
import type { SecretReader } from '../config/secret.js'
import { parseRetryAfter } from '../http/retry-after.js'
import { isObject, parseObject } from '../json/read.js'
import type { Clock } from '../time/clock.js'
import { type Millis, seconds } from '../time/units.js'

/** What became of one POST. */
export type Posted =
  /** @property rejected spans that the collector did not want, and why */
  | { readonly kind: 'taken'; readonly rejected: number; readonly why: string }
  /** @property after what the collector asked for */
  | { readonly kind: 'later'; readonly after: Millis | undefined; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string }

/** Where spans go. */
export type Collector = {
  /** Never rejects. @param body OTLP JSON */
  readonly post: (body: string, signal: AbortSignal) => Promise<Posted>
  readonly close: () => void
}

/** @property endpoint with its path @property ca PEM texts to trust by; the platform's roots when undefined */
export type CollectorSettings = {
  readonly endpoint: string
  readonly headers: ReadonlyMap<string, SecretReader>
  readonly ca: readonly string[] | undefined
}

/** From the first byte to the last. */
const TIMEOUT = seconds(10)
/** How long a connection is kept for the next batch: less than what servers of all kinds give it. */
const IDLE = seconds(4)
/** Of an answer. */
const ANSWER_MAX = 65_536

/** Of what it says in words. */
const WHY_MAX = 200

/** "Retryable response codes" of OTLP/HTTP; any other above 299 is final. */
const LATER = new Set([429, 502, 503, 504])

/** Straight to the collector, whatever proxies the environment names: they may name this very daemon. */
export function openCollector({ endpoint, headers, ca }: CollectorSettings, clock: Clock): Collector {
  const url = new URL(endpoint)
  const keep = { keepAlive: true, maxSockets: 1, timeout: IDLE } as const
  const tls = url.protocol === 'https:'
  const agent = tls ? new TlsAgent({ ...keep, ...(ca && { ca: [...ca] }) }) : new Agent(keep)
  const open = tls ? requestTls : requestPlain
  return {
    post: async (body, signal) => {
      try {
        const fields = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
        const request = open(url, { method: 'POST', agent, signal, headers: { ...(await read(headers)), ...fields } })
        const [answer, text] = await ended(request, body, clock)
        return judge(answer, text, clock.now())
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        return { kind: 'later', after: undefined, why: code ?? message }
      }
    },
    close: () => agent.destroy(),
  }
}

/** The secrets as they are now. @throws SecretError, or what Node says of a value that cannot be a field's */
export async function read(headers: CollectorSettings['headers']): Promise<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const [name, secret] of headers) {
    const value = await secret()
    validateHeaderValue(name, value)
    values[name] = value
  }
  return values
}

/** The answer, and what of its body counts. */
function ended(request: ClientRequest, body: string, clock: Clock): Promise<[IncomingMessage, string]> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(TIMEOUT, () => request.destroy(new Error('no answer within 10s')))
    request.on('close', cancel)
    request.on('error', reject)
    request.on('response', answer => {
      const chunks: Buffer[] = []
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes <= ANSWER_MAX) chunks.push(chunk)
        else answer.destroy()
      })
      // Whatever happens behind the head, the status has been said.
      answer.on('error', () => undefined)
      answer.on('close', () => resolve([answer, Buffer.concat(chunks).toString()]))
    })
    request.end(body)
  })
}

function judge({ statusCode = 0, headers }: IncomingMessage, text: string, now: number): Posted {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'taken', ...partial(text) }
  const why = `status ${statusCode}`
  if (!LATER.has(statusCode)) return { kind: 'refused', why }
  return { kind: 'later', after: parseRetryAfter(headers['retry-after'] ?? '', now), why }
}

/** What an `ExportTraceServiceResponse` says of spans that were not taken; they must not be sent again. */
function partial(text: string): { rejected: number; why: string } {
  const said = parseObject(text)?.['partialSuccess']
  const { rejectedSpans, errorMessage } = isObject(said) ? said : {}
  const rejected = Number(rejectedSpans ?? 0)
  const why = typeof errorMessage === 'string' ? errorMessage.slice(0, WHY_MAX) : ''
  return { rejected: rejected > 0 ? rejected : 0, why: `it did not want ${rejected} of the spans: ${why}` }
}
