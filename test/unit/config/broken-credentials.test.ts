import t from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { ConfigError, formatProblem } from '../../../src/config/problems.js'

type Row = readonly [name: string, yaml: string, ...expected: string[]]

/** Each begins on line 2, with what the test says. */
const credential = (body: string) => `credentials:\n  v: { ${body} }\n`
const source = (body: string) => `credentials:\n  v:\n    source:\n      ${body}\n`
const oauth2 = (body: string) => source(`oauth2: { token_url: "https://id.example/token", ${body} }`)
const route = (body: string, more = '') =>
  `credentials: { v: { source: { env: T }${more} } }\nroutes:\n  - { name: a, credential: v, ${body} }\n`

/** Where every one of them says where it goes or comes from. */
const INJECT = 'credentials.v.inject'
const OAUTH2 = 'credentials.v.source.oauth2'
const METADATA = 'credentials.v.source.metadata'

const INJECTION: Row[] = [
  ['no place at all', credential('source: { env: T }, inject: {}'), `2:36 ${INJECT}: has none; exactly one of bearer`],
  [
    'two places',
    credential('source: { env: T }, inject: { bearer: true, query: k }'),
    `2:36 ${INJECT}: has bearer and query; exactly one`,
  ],
  [
    'a header that is never forwarded',
    credential('source: { env: T }, inject: { header: Connection }'),
    `2:46 ${INJECT}.header: Connection is not forwarded`,
  ],
  [
    'a user name that ends early',
    credential('source: { env: T }, inject: { basic: { username: "a:b" } }'),
    `2:45 ${INJECT}.basic: the user name holds a character that Basic cannot carry`,
  ],
  [
    'a word that is no occasion',
    credential('source: { env: T }, inject: { bearer: true, when: never }'),
    `2:58 ${INJECT}.when: "never" is not allowed; always, absent or {placeholder: TEXT}`,
  ],
  [
    'an empty placeholder',
    credential('source: { env: T }, inject: { bearer: true, when: { placeholder: "" } }'),
    `2:73 ${INJECT}.when.placeholder: is empty; a text is needed`,
  ],
  [
    'keep against always',
    credential('source: { env: T }, inject: { bearer: true, when: always, keep: true }'),
    `2:72 ${INJECT}.keep: true contradicts when: always; drop one of them`,
  ],
  [
    'keep against a placeholder',
    credential('source: { env: T }, inject: { bearer: true, when: { placeholder: X }, keep: true }'),
    `2:84 ${INJECT}.keep: true contradicts when: placeholder`,
  ],
  [
    'no keep against absent',
    credential('source: { env: T }, inject: { bearer: true, when: absent, keep: false }'),
    `2:72 ${INJECT}.keep: false contradicts when: absent`,
  ],
]

const SOURCE: Row[] = [
  [
    'no source',
    credential('source: {}'),
    '2:16 credentials.v.source: has none; exactly one of oauth2, exec, metadata, file, env',
  ],
  ['two sources', credential('source: { env: T, file: t }'), '2:16 credentials.v.source: has file and env'],
  ['a bad name', 'credentials: { "a b": { source: { env: T } } }\n', '1:16 credentials.a b: "a b" is not a name'],
  [
    'a misspelt source',
    credential('source: { evn: T }'),
    '2:16 credentials.v.source: has none',
    '2:18 credentials.v.source.evn: unknown key, did you mean',
  ],
  [
    'a program that may hang for long',
    source('exec: { command: [a], timeout: 10m }'),
    '4:38 credentials.v.source.exec.timeout: 600s is out of range; 100ms to 2m',
  ],
  [
    'no time between renewals',
    credential('source: { env: T }, min_interval: 0s'),
    '2:42 credentials.v.min_interval: 0ms is out of range; 1ms to 1h',
  ],
]

const CLOUDS: Row[] = [
  ['no cloud', source('metadata: {}'), `4:17 ${METADATA}.provider: is missing; one of gcp, azure, aws is needed`],
  [
    'an unknown cloud',
    source('metadata: { provider: gpc }'),
    `4:29 ${METADATA}.provider: "gpc" is not allowed; one of gcp, azure, aws, did you mean "gcp"?`,
  ],
  [
    'a key of another cloud',
    source('metadata: { provider: gcp, region: eu-west-1 }'),
    `4:42 ${METADATA}.region: does not belong to gcp, which takes account, scope, audience`,
  ],
  [
    'an access and an identity token',
    source('metadata: { provider: gcp, scope: a, audience: b }'),
    `4:41 ${METADATA}.scope: belongs to an access token, and audience to an identity token`,
  ],
  ['azure for nobody', source('metadata: { provider: azure }'), `4:17 ${METADATA}: azure needs resource`],
  ['aws for nothing', source('metadata: { provider: aws }'), `4:17 ${METADATA}: aws needs service`],
  [
    'eks without its cluster',
    source('metadata: { provider: aws, service: eks }'),
    `4:17 ${METADATA}: service eks needs`,
  ],
  [
    'bedrock with a cluster',
    source('metadata: { provider: aws, service: bedrock, cluster: c }'),
    `4:61 ${METADATA}.cluster: belongs to service eks`,
  ],
  [
    'a region that is none',
    source('metadata: { provider: aws, service: bedrock, region: Ireland }'),
    `4:60 ${METADATA}.region: "Ireland" is not a region; write eu-west-1`,
  ],
]

const OAUTH: Row[] = [
  ['no endpoint', source('oauth2: {}'), `4:15 ${OAUTH2}.token_url: is missing; a URL`],
  ['no URL', source('oauth2: { token_url: id.example }'), `4:28 ${OAUTH2}.token_url: not a URL`],
  [
    'secrets over plain http',
    source('oauth2: { token_url: "http://id.example/token" }'),
    `4:28 ${OAUTH2}.token_url: "http://id.example/token": the scheme is https; http is for an endpoint on this`,
  ],
  [
    'a login in the URL',
    source('oauth2: { token_url: "https://u:hunter2@id.example" }'),
    `4:28 ${OAUTH2}.token_url: credentials do not belong into a URL`,
  ],
  [
    'a client without a name',
    oauth2('client_secret: { env: S }'),
    `4:15 ${OAUTH2}: grant client_credentials needs cl`,
    `4:71 ${OAUTH2}.client_secret: needs a client_id`,
  ],
  ['a client without a secret', oauth2('client_id: c'), `4:15 ${OAUTH2}: grant client_credentials needs client_secret`],
  [
    'a secret that is not sent',
    oauth2('client_id: c, client_secret: { env: S }, client_auth: none'),
    `4:110 ${OAUTH2}.client_auth: none sends no secret, but there is a client_secret`,
  ],
  [
    'nothing to send',
    oauth2('client_id: c, client_auth: post'),
    `4:83 ${OAUTH2}.client_auth: post sends a secret; client_secret is needed`,
  ],
  [
    'a session without its first token',
    oauth2('client_id: c, grant: refresh_token'),
    `4:15 ${OAUTH2}: grant refresh_token needs refresh_token`,
  ],
  [
    'a login without its endpoint',
    oauth2('client_id: c, grant: device_code'),
    `4:15 ${OAUTH2}: grant device_code needs device_url`,
  ],
  [
    'a first token for a login',
    oauth2('client_id: c, grant: device_code, device_url: "https://id.example/d", refresh_token: { env: R }'),
    `4:141 ${OAUTH2}.refresh_token: belongs to grant refresh_token; this one is device_code`,
  ],
  ['nothing to sign', oauth2('grant: jwt_bearer'), `4:15 ${OAUTH2}: grant jwt_bearer needs jwt`],
  [
    'an unsafe signature',
    oauth2('grant: jwt_bearer, jwt: { key: { env: K }, iss: me, alg: HS256 }'),
    `4:113 ${OAUTH2}.jwt.alg: "HS256" is not allowed; one of RS256, ES256`,
  ],
  [
    'a parameter with a key of its own',
    oauth2('client_id: c, client_auth: none, params: { scope: a }'),
    `4:106 ${OAUTH2}.params.scope: is no further parameter: it is set by a key of its own`,
  ],
]

const REACH: Row[] = [
  [
    'an unknown credential',
    'routes:\n  - { name: a, credential: w, match: { host: x.example } }\n',
    '2:28 routes.0.credential: no credential is called "w"; credentials has none',
  ],
  [
    'T5: a token for any host',
    route('match: { host: "*" }'),
    '3:28 routes.0.credential: the token would go to any host (match.host is *); name the host there, or set upstream',
  ],
  [
    'T5: plain http by match',
    route('match: { host: x.example, scheme: http }'),
    '3:28 routes.0.credential: goes to x.example by plain http only, where a token is not sent',
  ],
  [
    'T5: plain http by upstream',
    route('match: { host: x.example }, upstream: "http://10.0.0.1"'),
    '3:28 routes.0.credential: goes to 10.0.0.1 by plain http only',
  ],
]

function problemsOf(yaml: string) {
  try {
    return parseConfig('/etc/m.yaml', yaml, { HOME: '/home/u' }).warnings
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.filter(({ severity }) => severity === 'error')
  }
}

const GROUPS = { INJECTION, SOURCE, CLOUDS, OAUTH, REACH }

for (const [group, rows] of Object.entries(GROUPS)) {
  t.test(`T21: a broken credential is refused at its line and column (${group.toLowerCase()})`, t => {
    for (const [name, yaml, ...expected] of rows) {
      const found = problemsOf(yaml).map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
      t.equal(found.length, expected.length, `${name}: ${found.join(' · ')}`)
      for (const [index, start] of expected.entries()) t.equal(found[index]?.slice(0, start.length), start, name)
    }
    t.end()
  })
}

t.test('T5: a token may go to loopback, to an upstream that is named, and in the clear where the file says so', t => {
  const fine = [
    route('match: { host: x.example }'),
    route('match: { host: "*" }, upstream: "https://x.example"'),
    route('match: { host: 127.0.0.1, scheme: http }'),
    route('match: { host: x.example }, upstream: "http://localhost:8080"'),
    route('match: { host: x.example, scheme: http }', ', allow_cleartext: true'),
  ]
  for (const yaml of fine) t.same(problemsOf(yaml), [], yaml)
  t.end()
})

t.test('T8: a secret in the file draws a warning, and no problem shows its line', t => {
  const literal = oauth2('client_id: c, client_secret: hunter2')
  const [warning, ...more] = problemsOf(literal)
  t.match(warning, { path: `${OAUTH2}.client_secret`, message: /^a secret in the file itself; write \{env: NAME\}/ })
  t.same(more, [])
  const key = 'grant: jwt_bearer, jwt: { iss: me, key: hunter2-pem }'
  t.match(problemsOf(oauth2(key)), [{ path: `${OAUTH2}.jwt.key` }])
  const wrong = [
    literal,
    oauth2(key),
    oauth2('client_id: c, client_secret: "hunter2", grant: client'),
    oauth2("client_id: 5, client_secret: 'hunter2'"),
    oauth2('grant: refresh_token, refresh_token: hunter2'),
    oauth2(`${key.replace('me', '""')}`),
    'listen: { auth: { username: u, password: hunter2, passwort: x } }\n',
  ]
  for (const yaml of wrong) {
    const problems = problemsOf(yaml)
    t.ok(problems.length > 0, yaml)
    t.notMatch(problems.map(problem => formatProblem(problem, yaml)).join('\n'), /hunter2/)
  }
  t.end()
})
