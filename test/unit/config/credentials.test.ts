import t from 'tap'
import { cleartextRoutes } from '../../../src/config/credential-checks.js'
import { createInterception } from '../../../src/config/interception.js'
import { parseConfig } from '../../../src/config/load.js'
import { createRouteTable } from '../../../src/route/route-table.js'

const read = (yaml: string) => parseConfig('/etc/mulligan/m.yaml', yaml, { HOME: '/home/u' })
const credential = (body: string) => read(`credentials:\n  v: { ${body} }\n`).config.credentials['v']
const warningsOf = (yaml: string) => read(yaml).warnings.map(({ path, message }) => `${path}: ${message}`)

const ROUTE = 'routes: [{ name: a, match: { host: api.example }, credential: v }]\n'
const USED = `credentials: { v: { source: { env: T } } }\n${ROUTE}`

t.test('a credential that names its source alone has the defaults', t => {
  t.same(credential('source: { env: TOKEN }'), {
    inject: { carrier: { kind: 'bearer' }, when: 'always' },
    source: { env: 'TOKEN' },
    ttl: 300_000,
    refresh_ahead: 60_000,
    min_interval: 5_000,
    on_401: 'refresh',
    allow_cleartext: false,
  })
  t.end()
})

t.test('where a token goes, and when', t => {
  const cases: [string, object][] = [
    ['{ bearer: true }', { carrier: { kind: 'bearer' }, when: 'always' }],
    ['{ header: X-Api-Key }', { carrier: { kind: 'header', name: 'X-Api-Key' }, when: 'always' }],
    ['{ basic: { username: "" } }', { carrier: { kind: 'basic', username: '' }, when: 'always' }],
    ['{ query: key, keep: true }', { carrier: { kind: 'query', name: 'key' }, when: 'absent' }],
    ['{ bearer: true, keep: false }', { carrier: { kind: 'bearer' }, when: 'always' }],
    ['{ bearer: true, keep: true, when: absent }', { carrier: { kind: 'bearer' }, when: 'absent' }],
    ['{ bearer: true, keep: false, when: always }', { carrier: { kind: 'bearer' }, when: 'always' }],
    ['{ bearer: true, when: { placeholder: XX } }', { carrier: { kind: 'bearer' }, when: { placeholder: 'XX' } }],
  ]
  for (const [yaml, inject] of cases) t.same(credential(`source: { env: T }, inject: ${yaml}`)?.inject, inject, yaml)
  t.end()
})

t.test('a source keeps what the file says, and its paths become absolute', t => {
  const cases: [string, object][] = [
    ['file: ~/token', { file: '/home/u/token' }],
    ['exec: { command: [vendor, token] }', { exec: { command: ['vendor', 'token'], timeout: 10_000, format: 'text' } }],
    [
      'metadata: { provider: gcp, audience: "https://x" }',
      { metadata: { provider: 'gcp', account: undefined, scope: undefined, audience: 'https://x' } },
    ],
    [
      'metadata: { provider: azure, resource: "https://vault.azure.net" }',
      { metadata: { provider: 'azure', resource: 'https://vault.azure.net', client_id: undefined } },
    ],
    [
      'metadata: { provider: aws, service: eks, cluster: c, region: eu-west-1 }',
      { metadata: { provider: 'aws', service: 'eks', cluster: 'c', region: 'eu-west-1' } },
    ],
    [
      'metadata: { provider: aws, service: bedrock }',
      { metadata: { provider: 'aws', service: 'bedrock', region: undefined } },
    ],
  ]
  for (const [yaml, source] of cases) t.same(credential(`source: { ${yaml} }`)?.source, source, yaml)
  t.end()
})

t.test('an oauth2 block is complete, and its endpoint is kept to the letter', t => {
  const none = {
    device_url: undefined,
    client_id: undefined,
    client_secret: undefined,
    client_auth: undefined,
    refresh_token: undefined,
    scope: undefined,
    audience: undefined,
    params: {},
    jwt: undefined,
  }
  const token_url = 'https://ID.example/t/?tenant=a'
  const cases: [string, object][] = [
    [
      'client_id: c, client_secret: { file: secret }, client_auth: post, params: { resource: r }',
      {
        grant: 'client_credentials',
        client_id: 'c',
        client_secret: { file: '/etc/mulligan/secret' },
        client_auth: 'post',
        params: { resource: 'r' },
      },
    ],
    [
      'grant: refresh_token, client_id: c, refresh_token: { env: R }, scope: a b',
      { grant: 'refresh_token', client_id: 'c', refresh_token: { env: 'R' }, scope: 'a b' },
    ],
    [
      'grant: device_code, client_id: c, device_url: "http://127.0.0.1:9/d"',
      { grant: 'device_code', client_id: 'c', device_url: 'http://127.0.0.1:9/d' },
    ],
    [
      'grant: jwt_bearer, audience: x, jwt: { key: { file: k.pem }, iss: me, claims: { scope: s } }',
      {
        grant: 'jwt_bearer',
        audience: 'x',
        jwt: {
          iss: 'me',
          sub: undefined,
          aud: undefined,
          key: { file: '/etc/mulligan/k.pem' },
          alg: 'RS256',
          kid: undefined,
          claims: { scope: 's' },
        },
      },
    ],
  ]
  for (const [yaml, expected] of cases) {
    const found = credential(`source: { oauth2: { token_url: "${token_url}", ${yaml} } }`)?.source
    t.strictSame(found, { oauth2: { ...none, token_url, ...expected } }, yaml)
  }
  t.end()
})

t.test('F4: a credential is reason enough to end TLS for a host that the route names', t => {
  const off = 'retry: off, cooldown: off, breaker: off'
  const intercepts = (body: string) => {
    const { config } = read(`credentials: { v: { source: { env: T } } }\nroutes:\n  - { name: a, ${off}, ${body} }\n`)
    return createInterception(config, createRouteTable(config.routes))('api.example', 443)
  }
  t.equal(intercepts('match: { host: api.example }, credential: v'), true)
  t.equal(intercepts('match: { host: api.example }'), false)
  t.equal(intercepts('match: { host: api.example }, credential: v, tls: tunnel'), false)
  t.end()
})

t.test('a route that gives its token to many draws a warning', t => {
  t.same(warningsOf(USED), [])
  const at = 'routes.0.credential:'
  const open = 'listen: { proxy: 0.0.0.0:1, allow_from: [10.0.0.0/8] }\n'
  const who = 'other machines can use this credential at'
  t.same(warningsOf(open + USED), [`${at} ${who} 0.0.0.0:1 without a password: set listen.auth`])
  const auth = 'auth: { username: u, password: { env: P } }'
  t.same(warningsOf(`listen: { proxy: 0.0.0.0:1, ${auth} }\n${USED}`), [])
  const apart = 'listen: { mounts: 10.0.0.1:5, allow_from: [10.0.0.0/8] }\n'
  t.same(warningsOf(apart + USED), [], 'this route has no mount')
  const mounted = USED.replace('api.example }', 'api.example }, upstream: "https://api.example", mount: /m')
  t.same(warningsOf(apart + mounted), [`${at} ${who} 10.0.0.1:5 without a password: set listen.auth`])
  const below = USED.replace('api.example', '"*.api.example"')
  t.same(warningsOf(below), [`${at} the token goes to every host below api.example`])
  t.end()
})

t.test('a route whose tunnels pass untouched cannot add its token, and says so', t => {
  const tunnel = USED.replace('api.example }', 'api.example }, tls: tunnel')
  const untouched = (why: string) => `routes.0.credential: HTTPS passes untouched (${why}), so no token is added to it`
  t.same(warningsOf(tunnel), [untouched('tls: tunnel')])
  t.same(warningsOf(`intercept: off\n${USED}`), [untouched('intercept: off')])
  const mounted = tunnel.replace('tls:', 'upstream: "https://api.example", mount: /m, tls:')
  t.same(warningsOf(mounted), [`${untouched('tls: tunnel')}, but for its mount`])
  t.same(warningsOf(`intercept: off\n${USED.replace('api.example', '127.0.0.1, scheme: http')}`), [])
  t.end()
})

t.test('T5: the routes whose plain http requests go without a token are known', t => {
  const names = (match: string, more = '') =>
    cleartextRoutes(read(USED.replace('host: api.example }', `${match} }${more}`)).config).map(({ name }) => name)
  t.same(names('host: api.example'), ['a'])
  t.same(names('host: api.example, scheme: https'), [])
  t.same(names('host: api.example', ', upstream: "https://api.example"'), [])
  t.same(names('host: localhost'), [])
  t.end()
})
