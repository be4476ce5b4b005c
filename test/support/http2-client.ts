import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import type { Test } from 'tap'
import { type FrameClient, frameClient } from './h2-frame-client.js'
import type { InterceptedScene } from './intercepted.js'

/** What came back on one stream. */
type Http2Answer = {
  readonly status: number
  readonly fields: IncomingHttpHeaders
  /** Names and values as they came, pseudo-header fields included. */
  readonly raw: readonly string[]
  readonly interims: readonly number[]
  readonly trailers: IncomingHttpHeaders | undefined
  readonly text: string
  /** How the stream ended: 0 without an error (RFC 9113 §7). */
  readonly code: number
}

/** A client session inside a tunnel of its own, gone when the test is over. */
export async function http2Session(t: Test, scene: Pick<InterceptedScene, 'open'>): Promise<ClientHttp2Session> {
  const socket = await scene.open('api.test:443', { ALPNProtocols: ['h2'] })
  const session = connect('https://api.test', { createConnection: () => socket })
  session.on('error', () => undefined)
  t.teardown(() => session.destroy())
  return session
}

/** The same with a client that sends raw frames. @param settings identifier and value, in turn */
export async function frames(
  t: Test,
  scene: Pick<InterceptedScene, 'open'>,
  ...settings: number[]
): Promise<FrameClient> {
  const socket = await scene.open('api.test:443', { ALPNProtocols: ['h2'] })
  t.teardown(() => socket.destroy())
  return frameClient(socket, ...settings)
}

/** Asks and reads the whole answer. @param trailers of the request; they need a body */
export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
  trailers?: OutgoingHttpHeaders,
): Promise<Http2Answer> {
  const stream = session.request(headers, { endStream: body === undefined, waitForTrailers: trailers !== undefined })
  let fields: IncomingHttpHeaders = {}
  let raw: readonly string[] = []
  let got: IncomingHttpHeaders | undefined
  let text = ''
  const interims: number[] = []
  stream.on('headers', (interim: IncomingHttpHeaders & { ':status'?: number }) => {
    interims.push(Number(interim[':status']))
  })
  stream.on('response', (head: IncomingHttpHeaders, _flags: number, lines?: readonly string[]) => {
    fields = head
    raw = lines ?? []
  })
  stream.on('trailers', section => {
    got = section
  })
  stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}))
  stream.on('error', () => undefined)
  stream.setEncoding('latin1').on('data', chunk => (text += chunk))
  if (body !== undefined) stream.end(body)
  return new Promise(resolve =>
    stream.on('close', () => {
      const status = Number(fields[':status'] ?? 0)
      resolve({ status, fields, raw, interims, trailers: got, text, code: stream.rstCode })
    }),
  )
}
