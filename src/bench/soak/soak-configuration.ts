import type { RouteName } from './errand.js'
import { MOUNT, patienceOf, roomFor, type SoakSettings, totalOf, type UpstreamPorts } from './settings.js'

/** The environment variable of the client's secret. */
export const SECRET_VARIABLE = 'MULLIGAN_SOAK_SECRET'

const BACKOFF = 'backoff: { base: 20ms, cap: 200ms }'
const REPEATS = `retry: { ${BACKOFF} }`

/** Every policy but payments, each on an origin of its own; what is not said here is the default. */
export function soakConfiguration(settings: SoakSettings, ports: UpstreamPorts, roots: string): string {
  const route = (name: RouteName, ...policies: readonly string[]): string => routeOf(settings, ports, name, policies)
  return `version: 1
log: { level: info }
store: embedded
egress: { ca_file: ${JSON.stringify(roots)} }
limits: { connections: ${roomFor(settings)} }
credentials:
  vendor:
    min_interval: 500ms
    source:
      oauth2:
        token_url: http://127.0.0.1:${ports.token}/token
        client_id: soak
        client_secret: { env: ${SECRET_VARIABLE} }
routes:
${[
  route('pass', 'retry: off', 'cooldown: off', 'breaker: off'),
  route('retry', REPEATS),
  route('vendor', REPEATS, 'credential: vendor'),
  route('keyed', REPEATS, 'idempotency: { replay: { rate: { per_second: 100000, burst: 1000000 } } }'),
  route(
    'minted',
    `retry: { non_idempotent: keyed, ${BACKOFF} }`,
    'cooldown: off',
    'idempotency: { inject: uuid4, upstream: replay }',
  ),
  route('mount', REPEATS, 'cooldown: off', `mount: ${MOUNT}`, `upstream: http://127.0.0.1:${ports.mount}`),
  route('tls', REPEATS, 'cooldown: off'),
].join('')}`
}

function routeOf(settings: SoakSettings, ports: UpstreamPorts, name: RouteName, policies: readonly string[]): string {
  const patience = patienceOf(settings)
  const lines = [
    `- name: ${name}`,
    `  match: { host: 127.0.0.1, port: ${ports[name]} }`,
    `  timeout: { total: ${totalOf(settings)}ms, per_try: ${patience}ms, connect: ${patience}ms }`,
    ...policies.map(policy => `  ${policy}`),
  ]
  return lines.map(line => `  ${line}\n`).join('')
}
