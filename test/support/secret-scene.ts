import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { privToLegacyKeystore } from 'micro-eth-signer/keystore.js'
import type { Test } from 'tap'
import { Canaries } from './canaries.js'
import { rawExchange, request } from './client.js'
import { type LiveDaemon, startLive } from './live-daemon.js'
import { type Home, makeHome } from './mulligan.js'
import { startCollector } from './otlp.js'
import { freePort } from './tunnel.js'
import { answer, startUpstream } from './upstream.js'
import { testAccount } from './x402/chain.js'
import { isPaid, REFUSAL } from './x402/scripted-seller.js'

/** Everything that a configuration, its files and variables, a token server, a client or an upstream may have to hide. */
export const hidden = new Canaries()
const make = (name: string) => hidden.make(name)

const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString()
hidden.add('JWT key', pem.split('\n')[1] ?? '')
const walletKey = testAccount('sweep').key
hidden.add('wallet key', walletKey.slice(2))
const keystoreKey = testAccount('sweep-keystore').key
hidden.add('keystore key', keystoreKey.slice(2))

/** Variables of the daemon's environment. */
const ENV = {
  LISTEN_PASSWORD: make('listen password'),
  BEARER: make('bearer'),
  BASIC: make('basic password'),
  CLIENT_SECRET: make('client secret'),
  POST_SECRET: make('client secret in a body'),
  REFRESH: make('refresh token'),
  JWT_KEY: pem,
  WALLET_KEY: walletKey,
  KEYSTORE_PASSWORD: make('keystore password'),
  HOP_PASSWORD: make('egress proxy password'),
  REDIS_PASSWORD: make('redis password'),
  COLLECTOR_KEY: make('collector key'),
}
const FILES = { header: make('header'), query: make('query') }
export const LITERAL = {
  token: make('literal'),
  argument: make('argument of a program'),
  endpoint: make('query of a token URL'),
  node: make('path of an RPC URL'),
  redis: make('redis URL'),
  wrong: make('misplaced'),
}
const ISSUED = {
  access: make('access token'),
  rotated: make('rotated refresh token'),
  session: make('access token of a session'),
  assertion: make('token for an assertion'),
  program: make('output of a program'),
  stderr: make('stderr of a program'),
}
export const CLIENT = {
  authorization: make('Authorization'),
  cookie: make('Cookie'),
  proxy: make('Proxy-Authorization'),
  userinfo: make('userinfo'),
  search: make('query of a request'),
  fragment: make('Referer'),
  key: make('idempotency key'),
  payment: make('PAYMENT-SIGNATURE'),
  paymentV1: make('X-PAYMENT'),
  apiKey: make('X-Api-Key'),
  own: make('field of log.redact'),
  body: make('request body'),
  trailer: make('trailer'),
  junk: make('malformed field'),
  admin: make('wrong admin token'),
}
const UPSTREAM = {
  cookie: make('Set-Cookie'),
  challenge: make('WWW-Authenticate'),
  info: make('Authentication-Info'),
  body: make('answer body'),
  junk: make('malformed answer'),
}

type Ports = { readonly api: number; readonly tokens: number; readonly hop: number; readonly collector: number }

/** One credential and one route each. */
export const KINDS = ['bearer', 'basic', 'header', 'query', 'client', 'posted', 'session', 'jwt', 'program', 'literal']

export const yaml = ({ api, tokens, hop, collector }: Ports, folder: string, store = 'embedded') => {
  const url = (path: string) => `token_url: "http://127.0.0.1:${tokens}/${path}?key=${LITERAL.endpoint}"`
  return `
state: ${folder}/state
store: ${store}
log: { level: trace, redact: [x-own] }
listen: { auth: { username: ann, password: { env: LISTEN_PASSWORD } } }
egress: { proxy: { url: "http://127.0.0.1:${hop}", username: bob, password: { env: HOP_PASSWORD } }, no_proxy: [127.0.0.1] }
telemetry: { otlp: { endpoint: "http://127.0.0.1:${collector}", headers: { x-key: { env: COLLECTOR_KEY } } } }
credentials:
  bearer: { source: { env: BEARER } }
  basic: { inject: { basic: { username: ann } }, source: { env: BASIC } }
  header: { inject: { header: X-Key }, source: { file: ${folder}/header } }
  query: { inject: { query: key }, source: { file: ${folder}/query } }
  client: { min_interval: 1ms, source: { oauth2: { ${url('client')}, client_id: me, client_secret: { env: CLIENT_SECRET } } } }
  posted: { min_interval: 1ms, source: { oauth2: { ${url('posted')}, client_id: me, client_auth: post, client_secret: { env: POST_SECRET } } } }
  session: { min_interval: 1ms, source: { oauth2: { ${url('session')}, grant: refresh_token, client_id: me, client_secret: { env: CLIENT_SECRET }, refresh_token: { env: REFRESH } } } }
  jwt: { min_interval: 1ms, source: { oauth2: { ${url('jwt')}, grant: jwt_bearer, jwt: { iss: me, alg: ES256, key: { env: JWT_KEY } } } } }
  program: { min_interval: 1ms, source: { exec: { command: [node, ${folder}/program.cjs, "${LITERAL.argument}"] } } }
  literal: { source: { oauth2: { ${url('literal')}, client_id: me, client_secret: "${LITERAL.token}" } } }
wallets:
  agent: { evm: { key: { env: WALLET_KEY } }, networks: ["eip155:84532"], assets: [USDC], limits: { per_request: "0.05 USDC" }, rpc_url: "https://node.test/v3/${LITERAL.node}" }
  store: { evm: { keystore: { file: ${folder}/keystore.json, password: { env: KEYSTORE_PASSWORD } } }, networks: ["eip155:84532"], assets: [USDC], limits: { per_request: "0.05 USDC" } }
routes:
  - { name: paid, match: { host: 127.0.0.1, port: ${api}, path: /paid }, payment: { wallet: agent }, retry: off }
  - { name: stored, match: { host: 127.0.0.1, port: ${api}, path: /stored }, payment: { wallet: store }, retry: off }
${KINDS.map(kind => `  - { name: ${kind}, match: { host: 127.0.0.1, port: ${api}, path: /${kind} }, credential: ${kind}, breaker: off, idempotency: { replay: { ttl: 1h } } }`).join('\n')}
  - { name: all, match: { host: "*" }, breaker: off, retry: { backoff: { base: 1ms, cap: 2ms } }, timeout: { connect: 1s } }
`
}

/** Its token the first time; then why there is none, in all ways known. */
const PROGRAM = `
const fs = require('node:fs')
const first = !fs.existsSync(__dirname + '/ran')
fs.writeFileSync(__dirname + '/ran', '')
if (first) console.log(process.env.SAID)
else { console.error('no: token=' + process.env.COMPLAINT + ' ' + process.env.SAID + ' ' + process.argv[2]); process.exit(1) }
`

/** Throws what it knows. */
const BUG = `process.on('SIGUSR2', () => {
  const all = ${JSON.stringify(Object.keys(ENV))}.map(name => process.env[name])
  const cause = new SyntaxError('Unexpected token in ' + all.join(' '))
  throw Object.assign(new TypeError(all.join(' ') + ' is no URL', { cause }), { input: all.join('\\n') })
})`

const json = (status: number, body: object) => answer(status, JSON.stringify(body), 'Content-Type: application/json')

/** A token for each, once; after that it repeats what it was told. */
const tokenServer = () =>
  startUpstream(({ path, body, head, number }) => {
    const kind = /^\/(\w+)/.exec(path)?.[1] ?? ''
    const token = { client: ISSUED.access, session: ISSUED.session, jwt: ISSUED.assertion }[kind] ?? `plain-${number}`
    const again = asked.has(kind)
    asked.add(kind)
    if (again) return json(400, { error: 'invalid_request', error_description: `${head}${body}` })
    return json(200, {
      access_token: token,
      token_type: 'Bearer',
      expires_in: 3_600,
      ...(kind === 'session' ? { refresh_token: ISSUED.rotated } : {}),
    })
  })
const asked = new Set<string>()

export type SecretScene = {
  readonly home: Home
  readonly daemon: LiveDaemon
  readonly url: string
  readonly state: string
  readonly wire: () => string
  readonly spans: () => Promise<string>
}

export async function secretScene(t: Test): Promise<SecretScene> {
  const api = await startUpstream((seen, socket) => {
    if (seen.path.startsWith('/junk')) return `HTTP/1.1 200 OK\r\nX ${UPSTREAM.junk}\r\n\r\n`
    if (seen.path.startsWith('/gone')) return void socket.destroy()
    if (/^\/(?:paid|stored)/.test(seen.path) && !isPaid(seen)) return REFUSAL
    const fields = [`Set-Cookie: s=${UPSTREAM.cookie}`, `Authentication-Info: a="${UPSTREAM.info}"`]
    if (!seen.path.includes('refuse')) return answer(200, 'welcome', ...fields)
    return answer(401, UPSTREAM.body, ...fields, `WWW-Authenticate: Bearer realm="${UPSTREAM.challenge}"`)
  })
  const tokens = await tokenServer()
  // The next hop repeats what it was told, and lets nobody through.
  const hop = await startUpstream(({ head }) =>
    answer(407, head, `Proxy-Authenticate: Basic realm="${UPSTREAM.challenge}"`, 'Connection: close'),
  )
  t.teardown(() => Promise.all([api, tokens, hop].map(upstream => upstream.close())))
  const collector = await startCollector(t)
  const home = makeHome(t, '')
  const { folder } = home
  const ports = { api: api.port, tokens: tokens.port, hop: hop.port, collector: collector.port }
  writeFileSync(home.env['MULLIGAN_CONFIG'] ?? '', yaml(ports, folder))
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text, { mode: 0o600 })
  writeFileSync(join(folder, 'program.cjs'), PROGRAM)
  writeFileSync(join(folder, 'bug.cjs'), BUG)
  const keystore = await privToLegacyKeystore(keystoreKey.slice(2), ENV.KEYSTORE_PASSWORD, { kdf: 'pbkdf2' })
  writeFileSync(join(folder, 'keystore.json'), JSON.stringify(keystore), { mode: 0o600 })
  const env = { ...home.env, ...ENV, SAID: ISSUED.program, COMPLAINT: ISSUED.stderr }
  const daemon = await startLive(t, { folder, env: { ...env, NODE_OPTIONS: `--require=${folder}/bug.cjs` } })
  return {
    home: { folder, env },
    daemon,
    url: api.url,
    state: join(folder, 'state'),
    wire: () =>
      [...api.seen, ...tokens.seen, ...hop.seen].map(({ head, body }) => `${head}\n${body}`).join('\n') +
      JSON.stringify(collector.exports.map(({ headers }) => headers)),
    spans: async () => {
      await collector.posts(1)
      return collector.exports.map(({ text }) => text).join('\n')
    },
  }
}

const BASIC = Buffer.from(`ann:${ENV.LISTEN_PASSWORD}`).toString('base64')

const FIELDS = [
  `Proxy-Authorization: Basic ${BASIC}`,
  `Authorization: Bearer ${CLIENT.authorization}`,
  `Cookie: session=${CLIENT.cookie}`,
  `Referer: http://somewhere.test/?token=${CLIENT.fragment}`,
  `PAYMENT-SIGNATURE: ${CLIENT.payment}`,
  `X-PAYMENT: ${CLIENT.paymentV1}`,
  `X-Api-Key: ${CLIENT.apiKey}`,
  `X-Own: ${CLIENT.own}`,
]

/** @property own what mulligan itself answered @property others what upstreams did */
type Heard = { readonly own: readonly string[]; readonly others: readonly string[] }

/** Requests of all kinds. */
export async function askAll({ daemon: { port }, url }: SecretScene): Promise<Heard> {
  const own: string[] = []
  const others: string[] = []
  const ask = async (target: string, fields = FIELDS, body = '') => {
    const options =
      body === '' ? { fields } : { method: 'POST', body, fields: [...fields, 'Content-Type: application/json'] }
    const got = await request(port, target, options)
    ;(/"code":"/.test(got.text) ? own : others).push(`${got.head}\n${got.text}`)
  }
  const key = `Idempotency-Key: order---${CLIENT.key}`
  const query = `?token=${CLIENT.search}`
  for (const kind of KINDS) {
    await ask(`${url}/${kind}${query}`)
    for (const body of [`{"card":"${CLIENT.body}"}`, '{"other":1}'])
      await ask(`${url}/${kind}${query}`, [...FIELDS, key], body)
    // Refused: the token is renewed, and where that fails the answer is the upstream's.
    await ask(`${url}/${kind}${query}&refuse`)
  }
  // Without a payment of the client's own.
  const unpaid = FIELDS.filter(field => !/payment/i.test(field))
  for (const path of ['/paid', '/stored', '/paid']) await ask(`${url}${path}${query}`, unpaid)
  for (const path of ['/junk', '/gone']) await ask(`${url}${path}${query}`)
  await ask(`http://elsewhere.test/${query}`)
  await ask(`http://127.0.0.1:${await freePort()}/${query}`)
  await ask(`http://ann:${CLIENT.userinfo}@${new URL(url).host}/good${query}`)
  await ask(`${url}/good${query}`, [`Proxy-Authorization: Bearer ${CLIENT.proxy}`])
  const lines = [`GET ${url}/${query} HTTP/1.1`, 'Host: a.test', ...FIELDS]
  for (const bad of [
    `${CLIENT.junk} `,
    `X-Bad : ${CLIENT.junk}`,
    `Content-Length: ${CLIENT.junk}`,
    `X-Nul: \0${CLIENT.junk}`,
  ])
    own.push(await rawExchange(port, [...lines, bad, '', ''].join('\r\n')))
  own.push(
    await rawExchange(
      port,
      `GET /nowhere${query} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${FIELDS.join('\r\n')}\r\n\r\n`,
    ),
  )
  const chunked = [
    'Transfer-Encoding: chunked',
    'Trailer: X-Sum',
    '',
    `3\r\n{} \r\n0\r\nX-Sum: ${CLIENT.trailer}`,
    '',
    '',
  ]
  const trailing = connect(port, '127.0.0.1')
  trailing.write([`POST ${url}/good HTTP/1.1`, 'Host: a.test', 'TE: trailers', ...FIELDS, ...chunked].join('\r\n'))
  await new Promise(resolve => trailing.once('data', resolve))
  trailing.destroy()
  return { own, others }
}
