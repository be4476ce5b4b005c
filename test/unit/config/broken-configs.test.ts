import t from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { ConfigError } from '../../../src/config/problems.js'

type Row = readonly [name: string, yaml: string, ...expected: string[]]

/** `LINE:COL path: fragment of the message`, every error in order. */
const route = (body: string) => `routes:\n  - name: a\n    match: { host: x.example }\n    ${body}\n`
const matching = (match: string) => `routes:\n  - name: a\n    match: ${match}\n`
const two = (first: string, second: string) => `routes:\n  - { name: a, ${first} }\n  - { name: b, ${second} }\n`
const HOST = 'match: { host: x.example }'

const SYNTAX: Row[] = [
  ['an unclosed bracket', 'routes: [', '1:10 : not valid YAML'],
  ['a tab as indentation', 'log:\n\tlevel: info\n', '2:1 : a tab as indentation'],
  ['the same key twice', 'version: 1\nversion: 1\n', '2:1 : the same key twice'],
  ['two documents', 'version: 1\n---\nversion: 1\n', '2:1 : a second document'],
  ['an alias without its anchor', 'log: *x\n', '1:6 : an alias that cannot be followed'],
  ['an unknown tag', 'version: !!foo 1\n', '1:10 : an unknown tag'],
  ['an unclosed quote', 'state: "x\n', '2:1 : not valid YAML'],
  ['bad indentation', 'log:\n  level: info\n format: json\n', '3:1 : not valid YAML'],
  ['an odd escape', 'state: "\\q"\n', '1:9 : not valid YAML'],
]

const SHAPE: Row[] = [
  ['a list for a file', '- 1\n', '1:1 : a list is not allowed; a block of settings'],
  ['a word for a file', 'hello\n', '1:1 : "hello" is not allowed'],
  ['a number for a file', '42\n', '1:1 : 42 is not allowed'],
  ['an unknown key at the top', 'worker: 1\n', '1:1 worker: unknown key, did you mean "workers"?'],
  ['an unknown key far from any', 'zzzzzzzzz: 1\n', '1:1 zzzzzzzzz: unknown key; there is version, listen'],
  ['a key that is a prototype word', '__proto__: 1\n', '1:1 __proto__: unknown key'],
  ['an inherited word', 'constructor: {}\n', '1:1 constructor: unknown key'],
  ['a key with no value', 'log:\n', '1:1 log: has no value'],
  ['a later version', 'version: 2\n', '1:10 version: 2 is not allowed; 1'],
  ['a version in quotes', 'version: "1"\n', '1:10 version: "1" is not allowed'],
  ['a block where a list is due', 'routes: {}\n', '1:9 routes: a block is not allowed; a list'],
  ['a word in the list of routes', 'routes: [all]\n', '1:10 routes.0: "all" is not allowed'],
  [
    'a log level that is none',
    'log: { level: warning }\n',
    '1:15 log.level: "warning" is not allowed; one of trace, debug, info, warn, error, silent, did you mean "warn"?',
  ],
  ['a number for a path', 'state: 5\n', '1:8 state: 5 is not allowed; a path'],
  ['an empty path', 'state: ""\n', '1:8 state: is empty'],
  ['a word for yes or no', 'intercept: { h2: yes }\n', '1:18 intercept.h2: "yes" is not allowed; true or false'],
  ['a header that is none', 'log: { redact: ["a b"] }\n', '1:17 log.redact.0: "a b" is not a header name'],
  ['too many connections', 'limits: { connections: 0 }\n', '1:24 limits.connections: 0 is out of range; 1 to 1000000'],
  [
    'a size without a unit',
    'limits: { header_bytes: 65536 }\n',
    '1:25 limits.header_bytes: 65536 is not allowed; a size such as',
  ],
  ['a size in decimal units', 'limits: { header_bytes: 64KB }\n', '1:25 limits.header_bytes: "64KB" is not a size'],
  [
    'a size out of range',
    'limits: { header_bytes: 2MiB }\n',
    '1:25 limits.header_bytes: 2MiB is out of range; 1KiB to 1MiB',
  ],
  [
    'a file that is not there',
    'egress: { ca_file: /does/not/exist.pem }\n',
    '1:20 egress.ca_file: cannot read /does/not/exist.pem',
  ],
  ['a network that is none', 'egress: { deny: [10.0.0.0/33] }\n', '1:18 egress.deny.0: /33 is too long'],
  ['a name for a network', 'egress: { deny: [example.com] }\n', '1:18 egress.deny.0: "example.com" is not a network'],
]

const EGRESS: Row[] = [
  [
    'a next hop without a scheme',
    'egress: { proxy: corp:3128 }\n',
    '1:18 egress.proxy: "corp:3128" is not a URL; write http://corp:3128',
  ],
  [
    'a SOCKS proxy',
    'egress: { proxy: "socks5h://u:p@corp:1080" }\n',
    '1:18 egress.proxy: "socks5h://…@corp:1080" is a SOCKS proxy; only HTTP proxies can be used',
  ],
  [
    'another scheme',
    'egress: { proxy: "ftp://x" }\n',
    '1:18 egress.proxy: "ftp://x": the scheme of a proxy is http or https',
  ],
  [
    'a next hop with a path',
    'egress: { proxy: "http://x/y" }\n',
    '1:18 egress.proxy: "http://x/y": a proxy has a host and a port',
  ],
  ['a next hop on port 0', 'egress: { proxy: "http://x:0" }\n', '1:18 egress.proxy: port 0 cannot be dialled'],
  [
    'a bad escape in a login',
    'egress: { proxy: "http://u:%zz@x" }\n',
    '1:18 egress.proxy: the user name or password is badly',
  ],
  ['a number for a next hop', 'egress: { proxy: 3128 }\n', '1:18 egress.proxy: 3128 is not allowed; a URL such as'],
  ['a block without its URL', 'egress: { proxy: {} }\n', '1:18 egress.proxy.url: is missing'],
  ['a misspelt login', 'egress: { proxy: { url: "http://x", user: a } }\n', '1:37 egress.proxy.user: unknown key'],
  [
    'a login in two places',
    'egress: { proxy: { url: "http://u@x" } }\n',
    '1:25 egress.proxy.url: the user name and password are keys',
  ],
  [
    'a password alone',
    'egress: { proxy: { url: "http://x", password: { env: P } } }\n',
    '1:18 egress.proxy: a password needs a username',
  ],
  ['FP-29: a URL among hosts', 'egress: { no_proxy: ["http://x"] }\n', '1:22 egress.no_proxy.0: "http://x" is a URL'],
  [
    'FP-29: a bad network in a text',
    'egress: { no_proxy: "a, 10.0.0.0/33" }\n',
    '1:21 egress.no_proxy.1: "10.0.0.0/33" is none of host, .host',
  ],
]

const LISTEN: Row[] = [
  ['a port alone', 'listen: { proxy: 8402 }\n', '1:18 listen.proxy: 8402 is not allowed; an address'],
  [
    'a port alone, quoted',
    'listen: { proxy: "8402" }\n',
    '1:18 listen.proxy: 8402 is a port without an address, did you mean "127.0.0.1:8402"?',
  ],
  ['no host', 'listen: { proxy: ":8402" }\n', '1:18 listen.proxy: ":8402" names no address'],
  ['a port out of range', 'listen:\n  proxy: 127.0.0.1:70000\n', '2:10 listen.proxy: port 70000 is out of range'],
  ['an IPv6 without brackets', 'listen: { proxy: "::1:80" }\n', '1:18 listen.proxy: "::1:80" is not an address'],
  [
    'a relative socket',
    'listen: { proxy: "unix:x.sock" }\n',
    '1:18 listen.proxy: a unix address needs an absolute path',
  ],
  [
    'an address that is no host',
    'listen: { admin: "256.0.0.1:1" }\n',
    '1:18 listen.admin: "256.0.0.1" is not a host name',
  ],
  [
    'FP-20: open to all without a password',
    'listen: { proxy: 0.0.0.0:1 }\n',
    '1:18 listen.proxy: 0.0.0.0:1 can be reached from other machines',
  ],
  [
    'FP-20: one open address among closed ones',
    'listen:\n  proxy: [127.0.0.1:1, "[::]:2"]\n',
    '2:24 listen.proxy.1: [::]:2 can be reached',
  ],
  ['FP-20: open mounts', 'listen: { mounts: 10.0.0.1:9 }\n', '1:19 listen.mounts: 10.0.0.1:9 can be reached'],
  [
    'one address for two listeners',
    'listen: { proxy: 127.0.0.1:5, admin: 127.0.0.1:5 }\n',
    '1:38 listen.admin: 127.0.0.1:5 is taken by listen.proxy',
  ],
  ['half a login', 'listen: { auth: { username: u } }\n', '1:17 listen.auth.password: is missing; {env: NAME}'],
  [
    'two sources of one secret',
    'listen: { auth: { username: u, password: { env: A, file: b } } }\n',
    '1:42 listen.auth.password: has env and file; exactly one',
  ],
  [
    'a variable that is none',
    'listen: { auth: { username: u, password: { env: A-B } } }\n',
    '1:49 listen.auth.password.env: not the name of an environment variable',
  ],
  [
    'a number for a secret',
    'listen: { auth: { username: u, password: 12345 } }\n',
    '1:42 listen.auth.password: is not a secret reference',
  ],
]

const ROUTES: Row[] = [
  ['a route without a name', 'routes:\n  - match: { host: "*" }\n', '2:5 routes.0.name: is missing'],
  ['a route without a match', 'routes:\n  - name: a\n', '2:5 routes.0.match: is missing'],
  ['a name with a space', `routes: [{ name: "a b", ${HOST} }]\n`, '1:18 routes.0.name: "a b" is not a name'],
  [
    'a star in the middle',
    matching('{ host: "a.*.example" }'),
    '3:20 routes.0.match.host: "a.*.example": a * stands alone',
  ],
  ['a URL for a host', matching('{ host: "https://x" }'), '3:20 routes.0.match.host: "https://x" is a URL'],
  ['a port in the host', matching('{ host: "x:80" }'), '3:20 routes.0.match.host: "x:80" holds a port'],
  ['a path in the host', matching('{ host: x/y }'), '3:20 routes.0.match.host: "x/y" holds a slash'],
  ['a host with a space', matching('{ host: "a b" }'), '3:20 routes.0.match.host: "a b" is not a host name'],
  [
    'a scheme that is none',
    matching('{ host: x, scheme: ftp }'),
    '3:31 routes.0.match.scheme: "ftp" is not allowed; one of http, https',
  ],
  ['a port out of range', matching('{ host: x, port: 0 }'), '3:29 routes.0.match.port: 0 is out of range'],
  [
    'a path without a slash',
    matching('{ host: x, path: v1 }'),
    '3:29 routes.0.match.path: "v1" does not begin with a slash',
  ],
  ['a path with a query', matching('{ host: x, path: /v1?a }'), '3:29 routes.0.match.path: "/v1?a" holds a query'],
  ['three stars', matching('{ host: x, path: /*** }'), '3:29 routes.0.match.path: "/***"'],
  ['no methods', matching('{ host: x, methods: [] }'), '3:32 routes.0.match.methods: has 0 entries; at least 1'],
  [
    'a method with a space',
    matching('{ host: x, methods: ["G T"] }'),
    '3:33 routes.0.match.methods.0: "G T" is not a method',
  ],
  [
    'an upstream that is no URL',
    route('upstream: api.example.com'),
    '4:15 routes.0.upstream: "api.example.com" is not a URL',
  ],
  [
    'an upstream of another scheme',
    route('upstream: ftp://x'),
    '4:15 routes.0.upstream: "ftp://x": the scheme is http or https',
  ],
  [
    'a password in the upstream',
    route('upstream: https://u:hunter2@x'),
    '4:15 routes.0.upstream: credentials do not belong',
  ],
  [
    'a query in the upstream',
    route('upstream: https://x/?a=1'),
    '4:15 routes.0.upstream: "https://x/?a=1" has a query',
  ],
  ['a mount that ends in a slash', route('mount: /a/'), '4:12 routes.0.mount: "/a/" is not a mount'],
  ['the root as a mount', route('mount: /'), '4:12 routes.0.mount: "/" is not a mount'],
  ['a mount that climbs', route('mount: /a/..'), '4:12 routes.0.mount: "/a/.." is not a mount'],
  ['a mount without an upstream', route('mount: /a'), '4:12 routes.0.mount: a mount needs upstream'],
  [
    'a preset that is none',
    route('preset: opnai'),
    '4:13 routes.0.preset: no preset is called "opnai", did you mean "openai"?',
  ],
  [
    'a name twice',
    `routes:\n  - { name: a, ${HOST} }\n  - { name: a, match: { host: y } }\n`,
    '3:13 routes.1.name: "a" is the name of an earlier route',
  ],
  [
    'a mount twice',
    two(`${HOST}, upstream: "http://x", mount: /m`, 'match: { host: y }, upstream: "http://y", mount: /m'),
    '3:65 routes.1.mount: "/m" is also the mount of route "a"',
  ],
  [
    'a mount within a mount',
    two(`${HOST}, upstream: "http://x", mount: /m`, 'match: { host: y }, upstream: "http://y", mount: /m/n'),
    '3:65 routes.1.mount: "/m/n" overlaps "/m"',
  ],
]

const POLICIES: Row[] = [
  [
    'a duration without a unit',
    route('timeout: { total: 30 }'),
    '4:23 routes.0.timeout.total: 30 is not allowed; a duration',
  ],
  ['a duration in words', route('timeout: { total: soon }'), '4:23 routes.0.timeout.total: "soon" is not a duration'],
  ['a duration out of range', route('timeout: { total: 48h }'), '4:23 routes.0.timeout.total: 172800s is out of range'],
  [
    'connect beyond total',
    route('timeout: { total: 1s, connect: 2s }'),
    '4:36 routes.0.timeout.connect: 2s is longer than total (1s)',
  ],
  ['no attempts', route('retry: { attempts: 0 }'), '4:24 routes.0.retry.attempts: 0 is out of range; 1 to 20'],
  [
    'half an attempt',
    route('retry: { attempts: 1.5 }'),
    '4:24 routes.0.retry.attempts: 1.5 is not allowed; a whole number',
  ],
  [
    'a status that is none',
    route('retry: { statuses: [503, 600] }'),
    '4:30 routes.0.retry.statuses.1: 600 is out of range; 100 to 599',
  ],
  [
    '"on" for a block',
    route('cooldown: on'),
    '4:15 routes.0.cooldown: "on" is not allowed; a block of settings, or off',
  ],
  ['true for a block', route('retry: true'), '4:12 routes.0.retry: true is not allowed'],
  [
    'base beyond cap',
    route('retry: { backoff: { base: 9s } }'),
    '4:31 routes.0.retry.backoff.base: 9s is longer than cap (8s)',
  ],
  ['a misspelt policy', route('retyr: off'), '4:5 routes.0.retyr: unknown key, did you mean "retry"?'],
  [
    'a misspelt key of a policy',
    route('retry: { bakoff: {} }'),
    '4:14 routes.0.retry.bakoff: unknown key, did you mean "backoff"?',
  ],
  ['a ratio above one', route('breaker: { ratio: 2 }'), '4:23 routes.0.breaker.ratio: 2 is out of range; 0.01 to 1'],
  [
    'a budget below zero',
    route('retry: { budget: { ratio: -1 } }'),
    '4:31 routes.0.retry.budget.ratio: -1 is out of range',
  ],
  ['a body that cannot be off', route('body: off'), '4:11 routes.0.body: "off" is not allowed; a block of settings'],
  [
    'less on disk than in memory',
    route('body: { memory: 2MiB, spill: 1MiB }'),
    '4:34 routes.0.body.spill: is less than memory',
  ],
  [
    'keyed without a key',
    route('retry: { non_idempotent: keyed }'),
    '4:30 routes.0.retry.non_idempotent: "keyed" needs idempotency.upstream',
  ],
  [
    'a reset without its pair',
    route('retry: { reset_headers: [{ remaining: x-a }] }'),
    '4:30 routes.0.retry.reset_headers.0.reset: is missing',
  ],
]

const LATER: Row[] = [
  ['a payment from nowhere', route('payment: { wallet: w }'), '4:24 routes.0.payment.wallet: no wallet is called "w"'],
  ['too many workers', 'workers: 65\n', '1:10 workers: 65 is out of range'],
  [
    'a memory for two',
    `store: memory\nworkers: 2\n${route('idempotency: { upstream: none }')}`,
    '1:8 store: memory is one process\'s own, and route "a" needs a store that 2 workers share: write store: embedded',
  ],
  ['a store that is none', 'store: disk\n', '1:8 store: "disk" is not allowed; embedded, memory'],
  [
    'money as a number',
    'wallets: { w: { evm: { key: { env: K } }, networks: [base], assets: [USDC], limits: { total: 5 } } }\n',
    '1:94 wallets.w.limits.total: 5 is not allowed; an amount',
  ],
  [
    'a network by wildcard',
    'wallets: { w: { evm: { key: { env: K } }, networks: ["*"], assets: [USDC], limits: {} } }\n',
    '1:54 wallets.w.networks.0: "*" is not a network',
  ],
  [
    'an unknown wallet among known ones',
    `wallets: { agent: { evm: { key: { env: K } }, networks: [base], assets: [USDC], limits: {} } }\n${route('payment: { wallet: agnet }')}`,
    '5:24 routes.0.payment.wallet: no wallet is called "agnet", did you mean "agent"?',
  ],
]

function errorsOf(yaml: string): string[] {
  try {
    parseConfig('/etc/m.yaml', yaml, { HOME: '/home/u' })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const errors = error.problems.filter(({ severity }) => severity === 'error')
    return errors.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
  }
}

const GROUPS = { SYNTAX, SHAPE, EGRESS, LISTEN, ROUTES, POLICIES, LATER }

for (const [group, rows] of Object.entries(GROUPS)) {
  t.test(`T21: a broken configuration is refused at its line and column (${group.toLowerCase()})`, t => {
    for (const [name, yaml, ...expected] of rows) {
      const errors = errorsOf(yaml)
      t.equal(errors.length, expected.length, `${name}: ${errors.join(' · ')}`)
      for (const [index, start] of expected.entries()) {
        t.equal(errors[index]?.slice(0, start.length), start, name)
      }
    }
    t.end()
  })
}

t.test('the table holds at least sixty broken configurations', t => {
  t.ok(Object.values(GROUPS).flat().length >= 60)
  t.end()
})
