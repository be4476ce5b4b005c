/** What becomes of all that a client sends on one connection. */
export type Outcome = {
  /** The statuses of its answers, in order, interim ones too. */
  readonly answers: readonly number[]
  /** All bytes that the upstream gets; `undefined`: a part, but no whole request. */
  readonly reaches: string | undefined
  /**
   * Then the connection is `open` for another request, or `closed`; `half`: the client ends it with something missing;
   * `tunnel`: what it carries is not ours.
   */
  readonly after: 'open' | 'closed' | 'half' | 'tunnel'
}

/** A row: `UP` stands for the upstream's authority, `SELF` for our name in `Via`, bytes are latin1. */
export type RequestVector = {
  /** A sentence about the proxy. */
  readonly name: string
  readonly sent: string
  readonly outcome: Outcome
  /** Where `node:http` ends it otherwise: with a method that nobody has registered, and nothing else. */
  readonly onNode?: Outcome
  /** Refused by us, and taken by Node's own server. */
  readonly stricter?: true
}

export const VIA = 'Via: 1.1 SELF\r\n'
const VIA_10 = 'Via: 1.0 SELF\r\n'

const lines = (first: string, fields: readonly string[]): string => [first, ...fields].join('\r\n')

/** A request as a client sends it; `Host` is written when no field of the list is one. */
export const ask = (method: string, path: string, ...fields: string[]): string =>
  `${lines(`${method} http://UP${path} HTTP/1.1`, ['Host: UP', ...fields])}\r\n\r\n`
export const get = (...fields: string[]): string => ask('GET', '/', ...fields)
export const post = (body: string, ...fields: string[]): string => ask('POST', '/', ...fields) + body
export const chunks = (body: string, ...fields: string[]): string => post(body, 'Transfer-Encoding: chunked', ...fields)
/** A request line of its own, and `Host`. */
export const line = (text: string): string => `${text}\r\nHost: UP\r\n\r\n`
export const target = (text: string): string => line(`GET ${text} HTTP/1.1`)
/** In HTTP/1.0. */
export const old = (method: string, ...fields: string[]): string =>
  `${lines(`${method} http://UP/ HTTP/1.0`, fields)}\r\n\r\n`

/** The same as the upstream gets it. */
export const asked = (method: string, path: string, ...fields: string[]): string =>
  `${lines(`${method} ${path} HTTP/1.1`, ['Host: UP', ...fields])}\r\n${VIA}\r\n`
export const got = (...fields: string[]): string => asked('GET', '/', ...fields)
export const posted = (body: string, ...fields: string[]): string => asked('POST', '/', ...fields) + body
export const chunked = (body: string, ...fields: string[]): string =>
  posted(body, 'Transfer-Encoding: chunked', ...fields)
export const aged = (received: string): string => received.replace(VIA, VIA_10)

const refusal = (status = 400): Outcome => ({ answers: [status], reaches: '', after: 'closed' })

export const refuses = (what: string, sent: string, status?: number): RequestVector => ({
  name: `it refuses ${what}`,
  sent,
  outcome: refusal(status),
})

/** Node's own server takes it. */
export const refusesUnlikeNode = (what: string, sent: string, status?: number): RequestVector => ({
  ...refuses(`${what}, where Node is not so strict`, sent, status),
  stricter: true,
})

/** Wrong in a part that may come when the part before has gone on. */
export const breaksOff = (what: string, sent: string): RequestVector => ({
  name: `it breaks off a request with ${what}`,
  sent,
  outcome: { answers: [400], reaches: undefined, after: 'closed' },
})

export const breaksOffUnlikeNode = (what: string, sent: string): RequestVector => ({
  ...breaksOff(`${what}, where Node is not so strict`, sent),
  stricter: true,
})

export const passes = (what: string, sent: string, reaches: string): RequestVector => ({
  name: `it passes on ${what}`,
  sent,
  outcome: { answers: [200], reaches, after: 'open' },
})

export const passesAndCloses = (what: string, sent: string, reaches: string): RequestVector => ({
  name: `it passes on ${what}, and closes`,
  sent,
  outcome: { answers: [200], reaches, after: 'closed' },
})

/** A method that is a token and that Node does not know. */
export const passesInOneLane = (what: string, sent: string, reaches: string): RequestVector => ({
  name: `it passes on ${what}, and node:http refuses it`,
  sent,
  outcome: { answers: [200], reaches, after: 'open' },
  onNode: refusal(),
})

export const answersItself = (what: string, sent: string, status: number): RequestVector => ({
  name: `it answers ${what} itself with ${status}`,
  sent,
  outcome: { answers: [status], reaches: '', after: 'open' },
})

/** Several requests of one connection. */
export const inOrder = (
  what: string,
  sent: string,
  answers: number[],
  reaches: string,
  after: Outcome['after'] = 'open',
): RequestVector => ({
  name: `it answers ${what}`,
  sent,
  outcome: { answers, reaches, after },
})

/** The client sends no more than this, and waits. */
export const gives = (what: string, sent: string, answers: number[]): RequestVector => ({
  name: `it begins nothing for ${what}`,
  sent,
  outcome: { answers, reaches: '', after: 'half' },
})

/** The client ends its side within a body. */
export const givesUp = (what: string, sent: string): RequestVector => ({
  name: `it gives up a request that ends with ${what}`,
  sent,
  outcome: { answers: [], reaches: undefined, after: 'half' },
})
