import { z } from 'zod'
import { key, lowerHeaderName, number, offable, text, words } from './scalars.js'
import { secret } from './secrets-schema.js'
import { type Wrong, wrong } from './wrong.js'

const ENDPOINT = 'a URL such as http://127.0.0.1:4318'

/** Where OTLP/HTTP takes spans, below an address without a path. */
const TRACES = '/v1/traces'

/** Of each request to the collector; what is ours to say cannot be set. */
const OURS = new Set(['host', 'content-type', 'content-length', 'connection', 'transfer-encoding', 'te', 'trailer'])

function parseEndpoint(value: string): string | Wrong {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) return wrong(`is not ${ENDPOINT}`)
  if (url.username !== '' || url.password !== '' || /[?#]/.test(value)) {
    return wrong('has a host, a port and a path, and nothing else: what is secret belongs into headers')
  }
  if (url.port === '0') return wrong('port 0 cannot be dialled; 1 to 65535')
  if (url.pathname === '/') url.pathname = TRACES
  return url.href
}

const headerName = lowerHeaderName().refine(name => !OURS.has(name), { error: 'is set by mulligan itself' })

const otlp = z.strictObject({
  endpoint: key(
    'Where an OpenTelemetry collector takes OTLP/HTTP; without a path `/v1/traces` is added.',
    text({ expects: ENDPOINT, type: 'URL' }, parseEndpoint),
  ),
  headers: key('Sent with every batch, such as an API key.', z.record(headerName, secret()).default({})),
  service_name: key('`service.name` of the spans.', words('a name').default('mulligan')),
  sample: key(
    'Share of the requests without a `traceparent` that are exported; with one, its flag decides.',
    number(0, 1).default(1),
  ),
})

/** The block `telemetry`. */
export const telemetry = z.strictObject({
  otlp: key('Spans of every request and attempt, for OpenTelemetry.', offable(otlp)).optional(),
})
