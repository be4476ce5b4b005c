/**
 * A request head as its lane read it. An `IncomingMessage` is one as it stands, so that the commonest lane converts
 * nothing; the HTTP/2 lane makes one.
 */
export type Incoming = {
  readonly method?: string | undefined
  /** The request-target. */
  readonly url?: string | undefined
  readonly httpVersion: string
  /** Where it is not `httpVersion`, in whose terms the request is told. */
  readonly received?: '2.0'
  readonly rawHeaders: readonly string[]
  readonly socket: { readonly remoteAddress?: string | undefined }
}
