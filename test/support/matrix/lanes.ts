/** What a client sends, as far as it decides what may be repeated (R1). */
export type Shape = {
  readonly name: string
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly framing: 'none' | 'length' | 'chunked'
  readonly class: 'safe' | 'keyed' | 'bare'
  /** It asks for events. */
  readonly events: boolean
}

const shape = (
  name: string,
  method: Shape['method'],
  framing: Shape['framing'],
  of: Shape['class'],
  events = false,
): Shape => ({ name, method, framing, class: of, events })

export const SHAPES: readonly Shape[] = [
  shape('GET', 'GET', 'none', 'safe'),
  shape('PUT', 'PUT', 'length', 'safe'),
  shape('POST', 'POST', 'length', 'bare'),
  shape('POST with a key', 'POST', 'length', 'keyed'),
  shape('POST in chunks', 'POST', 'chunked', 'bare'),
  shape('GET of events', 'GET', 'none', 'safe', true),
]

/** How it comes to the daemon. */
export const WAYS = ['absolute-form', 'mount', 'TLS', 'TLS with HTTP/2'] as const
export type Way = (typeof WAYS)[number]

/** One request of a client. */
export type Errand = {
  readonly id: string
  readonly shape: Shape
  readonly way: Way
  readonly route: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** The body as it leaves the client, piece by piece. */
  readonly pieces: readonly Buffer[]
  /** The id of a GET that is sent right behind, before there is any answer. */
  readonly behind?: string | undefined
  /** On a connection of its own. */
  readonly fresh: boolean
}
