/** What is asked of every candidate. `mulligan bench` and its upstream agree on the paths. */
export type Workload = {
  readonly name: string
  readonly method: 'GET' | 'POST'
  /** Under a candidate's own prefix. */
  readonly path: string
  /** Bytes of the request body. */
  readonly send: number
  /** Bytes of the answer's body. */
  readonly receive: number
  /** Connections at a time, where every request has its own; else all are kept, as many as the settings say. */
  readonly renewed?: number
  /** Kept connections, where not as many as the settings say. */
  readonly lanes?: number
  /** The upstream closes its connection behind the answer. */
  readonly closes?: true
}

const GET_1K = { method: 'GET', send: 0, receive: 1_024 } as const

export const PLAIN_WORKLOADS = [
  { name: 'GET 1 KiB', path: '/1k', ...GET_1K },
  { name: 'POST 16 KiB', method: 'POST', path: '/post', send: 16_384, receive: 64 },
  { name: 'GET 64 KiB', method: 'GET', path: '/64k', send: 0, receive: 65_536 },
] as const satisfies readonly Workload[]

export const TLS_WORKLOADS = [
  { name: 'GET 1 KiB', path: '/1k', ...GET_1K },
  { name: 'new connection', path: '/1k', ...GET_1K, renewed: 8 },
  { name: 'both sides new', path: '/1k-close', ...GET_1K, renewed: 8, closes: true },
] as const satisfies readonly Workload[]

const ORDER = { method: 'POST', path: '/order', send: 1_024, receive: 64 } as const

export const KEYED_WORKLOADS = [
  { name: 'POST 1 KiB, one at a time', ...ORDER, lanes: 1 },
  { name: 'POST 1 KiB', ...ORDER },
] as const satisfies readonly Workload[]

/** Where the number of a key goes, all digits. */
export const KEY_NUMBER = '0000000000000000'

/** The request as bytes. @param target as the candidate wants it: `/1k`, or absolute-form for a forward proxy @param keyed with an idempotency key */
export function requestBytes(workload: Workload, target: string, host: string, keyed = false): Buffer {
  const head = [
    `${workload.method} ${target} HTTP/1.1`,
    `Host: ${host}`,
    'User-Agent: mulligan-bench',
    'Accept: */*',
    'Accept-Encoding: gzip, deflate',
    'Authorization: Bearer 0123456789abcdef0123456789abcdef',
    ...(keyed ? [`Idempotency-Key: bench-${KEY_NUMBER}`] : []),
    ...(workload.send > 0 ? ['Content-Type: application/octet-stream', `Content-Length: ${workload.send}`] : []),
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.alloc(workload.send, 'x')])
}
