/** What runs now, as JSON and metrics tell it. */
export type Load = {
  readonly draining: boolean
  /** Some of the requests are turned away. */
  readonly overloaded: boolean
  /** Exchanges that run. */
  readonly inflight: number
  readonly tunnels: number
  readonly clients: number
  readonly upstream_connections: number
  /** Bytes of request bodies that are kept to be sent again. */
  readonly body_memory: number
}

/** Of what does nothing. */
export const NO_LOAD: Load = {
  draining: false,
  overloaded: false,
  inflight: 0,
  tunnels: 0,
  clients: 0,
  upstream_connections: 0,
  body_memory: 0,
}
