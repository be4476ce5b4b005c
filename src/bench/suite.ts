import type { Sandbox } from '../child/sandbox.js'
import type { Workload } from './workloads.js'

export type CandidateName =
  | 'direct'
  | 'nginx'
  | 'http-proxy'
  | 'mulligan, pass-through'
  | 'mulligan, retry'
  | 'direct (TLS)'
  | 'mitmproxy'
  | 'mulligan, intercepted'
  | 'mulligan, minted key'
  | 'mulligan, new key'
  | 'mulligan, known key'

/** How a client gets TLS from a candidate. */
export type TlsWay = {
  /** The file with the one authority that the load trusts: what it did not issue is an error. */
  readonly roots: string
  /** What CONNECT asks for first; without it TLS begins at once. */
  readonly tunnel: string | undefined
  /** Who its certificate must be for; 127.0.0.1. */
  readonly name?: string
}

/** Something between load and upstream. */
export type Candidate = {
  readonly name: CandidateName
  /** Whose CPU counts; none for what is asked without a proxy. */
  readonly pid: number | undefined
  readonly port: number
  readonly tls?: TlsWay
  /** Idempotency keys: another one for each request, or always the same. */
  readonly key?: KeyUse
  /** The request-target for a workload. */
  readonly target: (workload: Workload) => string
}

export type KeyUse = 'new' | 'same'

/** Puts a program on one cpu, where there are several and `taskset`; else in front of nothing. */
export type Pinning = { readonly proxy: readonly string[]; readonly load: readonly string[] }

/** What a release has to reach, next to a peer in the same run: absolute figures differ from machine to machine. */
export type Bound = {
  /** times: the ratio of CPU · more: milliseconds that the middle request takes longer */
  readonly kind: 'times' | 'more'
  readonly workload: string
  readonly what: string
  readonly candidate: CandidateName
  readonly peer: CandidateName
  readonly most: number
}

/** Candidates that are measured side by side, and what is asked of them. */
export type Suite = {
  readonly workloads: readonly Workload[]
  /** Whom the others are compared with, a column each. */
  readonly peers: readonly CandidateName[]
  readonly bounds: readonly Bound[]
  /** What a reader of the figures must know. */
  readonly notes: readonly string[]
  /** Starts everything that can be started here, in the order of the report. `host`: the upstream's host and port. */
  readonly start: (sandbox: Sandbox, pinning: Pinning) => Promise<Started>
}

export type Started = { readonly candidates: readonly Candidate[]; readonly host: string }
