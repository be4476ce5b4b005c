import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { notesOf } from '../../../src/cli/check-notes.js'
import { parseConfig } from '../../../src/config/load.js'
import { packageRoot } from '../../../src/config/package-root.js'
import { presetNames } from '../../../src/config/presets.js'

const CREDENTIAL = 'credentials: { c: { source: { env: TOKEN } } }\n'
const OPEN = CREDENTIAL.replace('env: TOKEN }', 'env: TOKEN }, allow_cleartext: true')
const WALLET =
  'wallets: { w: { evm: { key: { env: K } }, networks: [base], assets: [USDC], limits: { per_request: 1 USDC, per_day: 5 USDC } } }\n'
const SHARED = 'listen: { proxy: 0.0.0.0:1, auth: { username: { env: U }, password: { env: P } } }\n'
const REPLAY = 'idempotency: { replay: { ttl: 1h } }'

const read = (yaml: string) => parseConfig('/etc/m.yaml', yaml, { HOME: '/home/me' })
const route = (match: string, more: string) => `routes: [{ name: a, match: ${match}, ${more} }]\n`
const X = '{ host: x.example, scheme: https }'
const PLAIN = '{ host: x.example }'

/** Warnings and notes, as `check` prints them. */
function doubtsAbout(yaml: string): string[] {
  const { config, warnings } = read(yaml)
  return [...warnings.map(({ path, message }) => `${path}: ${message}`), ...notesOf(config)]
}

const UNSAFE: readonly (readonly [name: string, yaml: string, doubt: RegExp])[] = [
  [
    'T2: the admin side beyond this machine',
    'listen: { admin: 0.0.0.0:8403 }',
    /^listen\.admin: the admin port can be reached from other machines: whoever reaches it reads .*; use 127\.0\.0\.1 or unix:\/path$/,
  ],
  [
    'a list of networks that lists all',
    'listen: { proxy: 0.0.0.0:1, allow_from: [10.0.0.0/8, 0.0.0.0/0] }\negress: { deny: [127.0.0.0/8] }',
    /^listen\.allow_from\.1: 0\.0\.0\.0\/0 lets every machine in without a password; .* set listen\.auth alone$/,
  ],
  [
    'the loopback of the machine, lent to others',
    SHARED,
    /^clients at 0\.0\.0\.0:1 reach the loopback ports of this machine: egress: \{ deny: \[127\.0\.0\.0\/8, "::1"\] \}, or unmatched: deny$/,
  ],
  [
    'I4: one scope for the clients of other machines',
    `${SHARED}egress: { unmatched: deny }\n${CREDENTIAL}${route(X, `credential: c, ${REPLAY}`)}`,
    /^routes\.0\.idempotency\.replay: clients at 0\.0\.0\.0:1 all act with credential "c", so .*; set scope to a header/,
  ],
  [
    'no body is kept where one would be needed again',
    `${CREDENTIAL}${route(X, `credential: c, body: { memory: 0B, spill: 0B }, ${REPLAY}`)}`,
    /^routes\.0\.body: nothing of a body is kept, so a request with one is not repeated with a new token, nor answered from the replay cache; set memory$/,
  ],
  [
    'a try as long as all of them',
    route(X, 'timeout: { total: 30s, per_try: 30s }'),
    /^routes\.0\.timeout\.per_try: 30s is all of total, so a try that times out leaves no time for another; make it shorter$/,
  ],
  [
    'P2: one payment that no window of the wallet has room for',
    `${WALLET.replace('per_request: 1 USDC', 'per_request: 9 USDC')}${route(X, 'payment: { wallet: w }')}`,
    /^routes\.0\.payment: up to 9 USDC for one request is more than per_day of wallet "w" \(5 USDC\), so such an offer is never paid$/,
  ],
  [
    'T5: a token in the clear',
    `${OPEN}${route(PLAIN, 'credential: c')}`,
    /^allow_cleartext: whoever is on the way of http:\/\/ requests on a reads the token; use upstream: https:\/\/…$/,
  ],
  [
    'a payment in the clear',
    `${WALLET}${route(PLAIN, 'payment: { wallet: w, allow_insecure: true }')}`,
    /^allow_insecure: whoever is on the way of http:\/\/ requests on a can have the payment go elsewhere; set pay_to/,
  ],
  [
    'TR-16: a token for every port of this machine',
    `${CREDENTIAL}${route('{ host: localhost }', 'credential: c')}`,
    /^a sends its token to every port of this machine, whoever listens there: set match\.port$/,
  ],
]

t.test('check warns about each unsafe mix, alone and with its remedy', t => {
  for (const [name, yaml, doubt] of UNSAFE) {
    const found = doubtsAbout(yaml)
    t.equal(found.length, 1, `${name}: ${found.join(' · ')}`)
    t.match(found[0], doubt, name)
  }
  t.end()
})

t.test('check warns where other machines can spend or use a token without a password', t => {
  const shared = 'listen: { proxy: 0.0.0.0:1, allow_from: [10.0.0.0/8] }\negress: { unmatched: deny }\n'
  const rows = [
    [`${CREDENTIAL}${route(X, 'credential: c')}`, /other machines can use this credential at 0\.0\.0\.0:1 without a/],
    [`${WALLET}${route(X, 'payment: { wallet: w }')}`, /other machines can spend from this wallet at 0\.0\.0\.0:1/],
  ] as const
  for (const [yaml, warning] of rows) t.match(doubtsAbout(shared + yaml), [warning])
  t.end()
})

t.test('the remedy of each mix ends its warning', t => {
  const sound = [
    'listen: { admin: "unix:/run/m.sock" }',
    `${SHARED}egress: { deny: [127.0.0.0/8, "::1"] }`,
    `${SHARED}egress: { unmatched: deny }\n${CREDENTIAL}${route(X, `credential: c, ${REPLAY.replace('ttl', 'scope: [x-user], ttl')}`)}`,
    `${CREDENTIAL}${route(X, `credential: c, body: { memory: 1MiB, spill: 0B }, ${REPLAY}`)}`,
    route(X, 'timeout: { total: 30s, per_try: 10s }'),
    route(X, 'timeout: { total: 30s, per_try: 30s }, retry: off'),
    `${WALLET}${route(X, 'payment: { wallet: w }')}`,
    `${OPEN}${route(X, 'credential: c, upstream: "https://x.example"')}`,
    `${CREDENTIAL}${route('{ host: localhost, port: 8080 }', 'credential: c')}`,
  ]
  for (const yaml of sound) t.strictSame(doubtsAbout(yaml), [], yaml)
  t.end()
})

t.test('shipped configurations and presets draw no warning', t => {
  const pathOf = (name: string) => join(fileURLToPath(packageRoot()), name)
  const shipped = ['config', 'examples'].flatMap(folder =>
    readdirSync(pathOf(folder))
      .filter(name => name.endsWith('.yaml'))
      .map(name => [name, readFileSync(pathOf(join(folder, name)), 'utf8')] as const)
      .filter(([, text]) => /^routes:/m.test(text)),
  )
  t.ok(shipped.length >= 5, shipped.map(([name]) => name).join(', '))
  for (const [name, text] of shipped) {
    // The image serves other containers, so this much is to be said about it.
    const expected = name === 'container.yaml' ? [/loopback ports of this machine/] : []
    t.match(doubtsAbout(text), expected, name)
    t.equal(doubtsAbout(text).length, expected.length, `${name}: ${doubtsAbout(text).join(' · ')}`)
  }
  for (const preset of presetNames()) {
    const found = doubtsAbout(`routes: [{ preset: ${preset}, name: a, match: { host: x.example } }]`)
    t.strictSame(found, [], preset)
  }
  t.end()
})
