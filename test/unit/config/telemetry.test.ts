import t from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { ConfigError, formatProblem } from '../../../src/config/problems.js'

const read = (yaml: string) => parseConfig('/etc/m.yaml', yaml, { HOME: '/home/u' })
const otlp = (yaml: string) => read(yaml).config.telemetry.otlp

function problemsOf(yaml: string): string {
  try {
    return read(yaml)
      .warnings.map(problem => formatProblem(problem, yaml))
      .join('\n')
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(problem => formatProblem(problem, yaml)).join('\n')
  }
}

t.test('no spans are exported unless the file says where', t => {
  for (const yaml of ['version: 1\n', 'telemetry: {}\n', 'telemetry: { otlp: off }\n']) t.equal(otlp(yaml), undefined)
  t.end()
})

t.test('an endpoint without a path gets the one that OTLP names; everything else has a default', t => {
  const cases: [string, string][] = [
    ['http://127.0.0.1:4318', 'http://127.0.0.1:4318/v1/traces'],
    ['http://127.0.0.1:4318/', 'http://127.0.0.1:4318/v1/traces'],
    ['https://otel.example/tenant/v1/traces', 'https://otel.example/tenant/v1/traces'],
    ['http://[::1]:4318/in/', 'http://[::1]:4318/in/'],
  ]
  for (const [said, endpoint] of cases) {
    const expected = { endpoint, headers: {}, service_name: 'mulligan', sample: 1 }
    t.strictSame(otlp(`telemetry: { otlp: { endpoint: "${said}" } }\n`), expected, said)
  }
  t.end()
})

t.test('headers are secrets by reference, by lower-case name, with the path of the file', t => {
  const yaml = `
telemetry:
  otlp:
    endpoint: https://otel.example
    headers: { X-Api-Key: { file: key }, authorization: { env: OTEL } }
    service_name: shop
    sample: 0.25
`
  t.strictSame(otlp(yaml), {
    endpoint: 'https://otel.example/v1/traces',
    headers: { 'x-api-key': { file: '/etc/key' }, authorization: { env: 'OTEL' } },
    service_name: 'shop',
    sample: 0.25,
  })
  t.equal(problemsOf(yaml), '')
  t.end()
})

t.test('what cannot be an endpoint, a header or a share is refused; nothing of a secret is repeated', t => {
  const cases: [string, RegExp][] = [
    ['{ }', /telemetry\.otlp\.endpoint: /],
    ['{ endpoint: "otel.example:4318" }', /is not a URL such as http:\/\/127\.0\.0\.1:4318/],
    ['{ endpoint: "grpc://otel.example:4317" }', /is not a URL such as/],
    ['{ endpoint: "https://canary@otel.example" }', /what is secret belongs into headers/],
    ['{ endpoint: "https://otel.example/?key=canary" }', /what is secret belongs into headers/],
    ['{ endpoint: "http://otel.example:0" }', /port 0 cannot be dialled/],
    ['{ endpoint: "http://127.0.0.1:8402" }', /a port of mulligan itself/],
    ['{ endpoint: "http://127.0.0.1:8403" }', /a port of mulligan itself/],
    ['{ endpoint: "http://o.example", headers: { Content-Type: { env: A } } }', /is set by mulligan itself/],
    ['{ endpoint: "http://o.example", headers: { "a b": { env: A } } }', /is not a header name/],
    ['{ endpoint: "http://o.example", sample: 1.5 }', /telemetry\.otlp\.sample: /],
    ['{ endpoint: "http://o.example", service_name: "" }', /telemetry\.otlp\.service_name: /],
    ['{ endpoint: "http://o.example", protocol: grpc }', /telemetry\.otlp\.protocol: /],
  ]
  for (const [block, message] of cases) {
    const said = problemsOf(`telemetry:\n  otlp: ${block}\n`)
    t.match(said, message, block)
    t.notMatch(said, 'canary')
  }
  t.end()
})

t.test('a secret in the file, and secrets that leave the machine unencrypted, draw a warning', t => {
  const block = (url: string, secret: string) =>
    problemsOf(`telemetry: { otlp: { endpoint: "${url}", headers: { x-key: ${secret} } } }\n`)
  const literal = block('https://otel.example', 'canary')
  t.match(literal, /warning.*a secret in the file itself/)
  t.notMatch(literal, 'canary')
  t.match(block('http://otel.example', '{ env: KEY }'), /go unencrypted to otel\.example: use https/)
  t.equal(block('http://localhost:4318', '{ env: KEY }'), '')
  t.end()
})
