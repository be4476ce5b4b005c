import type { Match } from '../../src/route/match.js'
import type { Door } from '../door.js'
import type { Seat } from '../program.js'

/** A way to tell very many routes apart. */
export type RouteShape = {
  readonly name: string
  readonly match: (i: number) => Partial<Match> & { readonly host: string }
  /** A request that the i-th takes, and nobody in front of it. @property prefix of its path */
  readonly asked: (i: number) => { readonly host: string; readonly port: number; readonly prefix: string }
}

export const ROUTE_SHAPES: readonly RouteShape[] = [
  {
    name: 'a host each',
    match: i => ({ host: `h${i}.test` }),
    asked: i => ({ host: `h${i}.test`, port: 80, prefix: '' }),
  },
  {
    name: '`*.suffix` each',
    match: i => ({ host: `*.h${i}.test` }),
    asked: i => ({ host: `a.b.h${i}.test`, port: 80, prefix: '' }),
  },
  {
    name: 'one host, a path each: `/v1/t17/**`',
    match: i => ({ host: 'a.test', path: `/v1/t${i}/**` }),
    asked: i => ({ host: 'a.test', port: 80, prefix: `/v1/t${i}` }),
  },
  {
    name: '`*`, a path and methods each: `/*/t17/**`',
    match: i => ({ host: '*', path: `/*/t${i}/**`, methods: ['GET', 'POST'] }),
    asked: i => ({ host: 'b.test', port: 80, prefix: `/x/t${i}` }),
  },
  {
    name: 'one host, a port each',
    match: i => ({ host: 'a.test', port: 10_000 + i }),
    asked: i => ({ host: 'a.test', port: 10_000 + i, prefix: '' }),
  },
  {
    name: 'one host, half a segment each: `/v1/t17-*`',
    match: i => ({ host: 'a.test', path: `/v1/t${i}-*/**` }),
    asked: i => ({ host: 'a.test', port: 80, prefix: `/v1/t${i}-x` }),
  },
]

/** So many routes that all lead to the one upstream, so that they differ in nothing else. */
export function routesYaml({ match }: RouteShape, count: number, { upstream }: Seat): string {
  const lines = Array.from({ length: count }, (_, i) => {
    // JSON is YAML.
    return `  - { name: r${i}, match: ${JSON.stringify(match(i))}, upstream: "http://127.0.0.1:${upstream}" }\n`
  })
  return `version: 1\nlog: { level: info }\nroutes:\n${lines.join('')}`
}

/** Leads to the last of them, which a look from top to bottom comes to last. */
export function lastDoor({ name, asked }: RouteShape, count: number): Door {
  const { host, port, prefix } = asked(count - 1)
  const authority = port === 80 ? host : `${host}:${port}`
  return { name: `${name}, ${count}`, program: undefined, form: 'absolute', authority, prefix }
}
