import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { Readable } from 'node:stream'

/** As much of `fetch` as an OAuth client needs; a redirect is an answer, never followed. Rejects when none comes. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>

type FetchInit = {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: URLSearchParams
  readonly redirect: 'manual'
  readonly signal?: AbortSignal | undefined
}

/** Answers for which `Response` takes no body. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * Straight to the server, whatever proxies the environment names (`NODE_USE_ENV_PROXY` rules Node's own fetch): it
 * may name this very daemon. One connection each: tokens are rare.
 * @param ca PEM texts to trust by; the platform's roots when undefined
 */
export function directFetch(ca: readonly string[] | undefined): Fetch {
  return (input, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const url = new URL(input)
      const text = body.toString()
      const options = {
        method,
        agent: false,
        // Node's client decodes nothing.
        headers: { ...headers, 'accept-encoding': 'identity', 'content-length': Buffer.byteLength(text) },
        ...(signal === undefined ? {} : { signal }),
      } as const
      const request =
        url.protocol === 'https:' ? requestTls(url, { ...options, ca: ca && [...ca] }) : requestPlain(url, options)
      request.on('error', reject)
      request.on('response', answer => {
        try {
          resolve(toResponse(answer))
        } catch (error) {
          answer.destroy()
          reject(error)
        }
      })
      request.end(text)
    })
}

/** @throws RangeError for a status that `Response` does not know, such as 600 */
function toResponse(answer: IncomingMessage): Response {
  const { statusCode: status = 0, rawHeaders } = answer
  const headers = new Headers()
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '')
  if (!WITHOUT_BODY.has(status)) return new Response(Readable.toWeb(answer) as ReadableStream, { status, headers })
  answer.resume()
  return new Response(null, { status, headers })
}
