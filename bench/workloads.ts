import type { Workload } from '../src/bench/workloads.js'

const GET_1K = { method: 'GET', path: '/1k', send: 0, receive: 1_024 } as const

/** HTTP in the clear. The first one is what programs are warmed up with. */
export const CLEAR = {
  get1k: { name: 'GET 1 KiB', ...GET_1K },
  post16k: { name: 'POST 16 KiB', method: 'POST', path: '/post', send: 16_384, receive: 64 },
  get64k: { name: 'GET 64 KiB', method: 'GET', path: '/64k', send: 0, receive: 65_536 },
  single: { name: 'GET 1 KiB, one connection', ...GET_1K, lanes: 1 },
} as const satisfies Record<string, Workload>

export const KEYED = {
  post1k: { name: 'POST 1 KiB', method: 'POST', path: '/order', send: 1_024, receive: 64 },
} as const satisfies Record<string, Workload>

/** HTTPS: on kept connections, and CONNECT, a full handshake and one request each. */
export const TLS = {
  kept: { name: 'HTTPS, kept', ...GET_1K },
  renewed: { name: 'HTTPS, new connection', ...GET_1K, renewed: 8 },
} as const satisfies Record<string, Workload>
