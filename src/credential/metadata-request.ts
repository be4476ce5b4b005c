import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { parseRetryAfter } from '../http/retry-after.js'
import { type Millis, seconds } from '../time/units.js'
import { SourceError } from './source.js'
import { decodeText, MOST_BYTES } from './token-text.js'

export type MetadataRequest = {
  readonly method?: 'GET' | 'PUT'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

export type MetadataAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }

/** A machine outside of the cloud has nobody at that address: packets go nowhere. Silence for longer is an end. */
const SILENCE = seconds(5)

/**
 * One question to the metadata server of a cloud, on a connection of its own and never through a proxy: what answers is
 * the machine's own neighbour. Redirects are not followed.
 * @throws SourceError when no answer came, or one longer than 64 KiB
 */
export function askMetadata(
  asked: MetadataRequest,
  origin: string,
  signal: AbortSignal,
  silence: Millis = SILENCE,
): Promise<MetadataAnswer> {
  const { url, method = 'GET', headers } = asked
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new SourceError(`${origin} at ${url.host} ${why}`, false))
    // The agent of the process may have been told of a proxy.
    const sent = request(url, { method, headers, agent: false, signal, timeout: silence }, answer => {
      collect(answer)
        .then(
          body => {
            if (body === undefined) fail('gave more than 64 KiB')
            else resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: decodeText(body, origin) })
          },
          () => fail(signal.aborted ? 'did not answer in time' : 'broke off its answer'),
        )
        .catch(reject)
    })
    sent.on('timeout', () => {
      fail('does not answer; is this machine in that cloud?')
      sent.destroy()
    })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) fail('did not answer in time')
      else fail(`cannot be reached (${error.code ?? 'unknown error'}); is this machine in that cloud?`)
    })
    sent.end()
  })
}

/** @param base from the environment, or the provider's own @throws SourceError when it is no `http:` URL */
export function metadataUrl(base: string, path: string, origin: string): URL {
  const text = path === '' ? base : base.replace(/\/+$/, '') + path
  if (!URL.canParse(text) || new URL(text).protocol !== 'http:') {
    throw new SourceError(`${origin}: the environment names an address that is no http URL`, true)
  }
  return new URL(text)
}

/** `undefined` when it is too long. */
async function collect(answer: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let length = 0
  // Leaving the loop early ends the connection.
  for await (const part of answer as AsyncIterable<Buffer>) {
    length += part.length
    if (length > MOST_BYTES) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/**
 * Why an answer gives no token. What the machine is not allowed stays so until somebody changes it; a 404 does not,
 * because identities are attached and these servers updated while machines run.
 * @param remedies by status code @param now Unix milliseconds
 */
export function refusal(
  { status, headers }: MetadataAnswer,
  remedies: Readonly<Record<number, string>>,
  origin: string,
  now: number,
): SourceError {
  const permanent = status === 400 || status === 401 || status === 403
  const remedy = remedies[status]
  const after = headers['retry-after']
  return new SourceError(
    `${origin} answered ${status}${remedy === undefined ? '' : `; ${remedy}`}`,
    permanent,
    after === undefined ? undefined : parseRetryAfter(after, now),
  )
}
