import { HOST } from './client.js'

/** Kept of a body in memory, and in a file beyond that. */
export const BODY = { memory: 8_192, spill: 32_768 }
/** Of the routes whose upstream is slow on purpose, in milliseconds. */
export const SLOW = { perTry: 700, idle: 1_000 }
/** The longest wait that an upstream may ask for, in milliseconds. */
const LONGEST_WAIT = 1_000
export const ATTEMPTS = 3

export type Ports = Readonly<Record<string, number>>

const RETRY = 'backoff: { base: 10ms, cap: 20ms }'

/** A route that is reached by all four ways. */
export function routeOf(name: string, upstream: string, ...lines: readonly string[]): string {
  const has = (key: string) => lines.some(line => line.startsWith(`${key}:`))
  const all = [
    `name: ${name}`,
    `match: { host: ${HOST}, path: /${name}/** }`,
    `upstream: ${upstream}`,
    `mount: /${name}`,
    `body: { memory: ${BODY.memory}B, spill: ${BODY.spill}B }`,
    ...(has('retry')
      ? []
      : [`retry: { ${RETRY}, retry_after: { max: ${LONGEST_WAIT}ms }, budget: { ratio: 1, min_per_second: 1000 } }`]),
    ...(has('breaker') ? [] : ['breaker: off']),
    ...(has('cooldown') ? [] : ['cooldown: off']),
    ...(has('idempotency') ? [] : ['idempotency: { upstream: replay, inject: off, replay: off }']),
    ...lines,
  ]
  return `  - ${all.join('\n    ')}\n`
}

/** The routes of the faults between the daemon and its upstream. */
export function networkRoutes({ http, https, ...broken }: Ports): string {
  const origins = [
    ['plain', `http://127.0.0.1:${http}`],
    ['secure', `https://localhost:${https}`],
  ] as const
  const slow = `timeout: { total: 10s, per_try: ${SLOW.perTry}ms, idle: ${SLOW.idle}ms }`
  const short = 'timeout: { connect: 300ms }'
  return [
    ...origins.flatMap(([name, upstream]) => [routeOf(name, upstream), routeOf(`slow-${name}`, upstream, slow)]),
    routeOf('no-such-name', 'http://no-such-name.test'),
    routeOf('broken-resolver', 'http://broken-resolver.test', short),
    routeOf('silent-resolver', 'http://silent-resolver.test', short),
    routeOf('refused', 'http://127.0.0.1:1'),
    routeOf('mute', `https://localhost:${broken['mute']}`, short),
    routeOf('untrusted', `https://localhost:${broken['untrusted']}`),
    routeOf('misnamed', `https://127.0.0.2:${broken['misnamed']}`),
    routeOf('expired', `https://localhost:${broken['expired']}`),
    routeOf('banner', `https://localhost:${broken['banner']}`),
    routeOf('hang-up', `https://localhost:${broken['hang-up']}`),
    routeOf('shaky', `https://localhost:${broken['shaky']}`),
  ].join('')
}
