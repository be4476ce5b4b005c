import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadDefault, readConfig } from '../../../src/config/effective.js'
import { findConfigFile } from '../../../src/config/find.js'
import { loadConfig, parseConfig } from '../../../src/config/load.js'
import { packageRoot } from '../../../src/config/package-root.js'
import { presetNames } from '../../../src/config/presets.js'
import { ConfigError, formatProblem } from '../../../src/config/problems.js'
import { jsonSchema } from '../../../src/reference.js'

const ENV = { HOME: '/home/u' }
const read = (yaml: string) => parseConfig('/etc/m.yaml', yaml, ENV)
const shipped = (name: string) => new URL(`config/${name}`, packageRoot()).pathname

function failure(task: () => unknown): ConfigError {
  try {
    task()
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

t.test('a report shows every problem, in file order, with its line and a caret', t => {
  const yaml =
    'version: 1\nlisten:\n  proxy: 127.0.0.1:99999\nroutes:\n  - name: a\n    match: { host: "*" }\n    retry: { atempts: 3, non_idempotent: keyd }\n'
  t.equal(
    failure(() => read(yaml)).report(),
    `/etc/m.yaml:3:10: listen.proxy: port 99999 is out of range; 0 to 65535
3 |   proxy: 127.0.0.1:99999
  |          ^
/etc/m.yaml:7:14: routes.0.retry.atempts: unknown key, did you mean "attempts"?
7 |     retry: { atempts: 3, non_idempotent: keyd }
  |              ^
/etc/m.yaml:7:42: routes.0.retry.non_idempotent: "keyd" is not allowed; one of never, keyed, always, did you mean "keyed"?
7 |     retry: { atempts: 3, non_idempotent: keyd }
  |                                          ^`,
  )
  t.end()
})

t.test('an unknown key hides no contradiction between other keys', t => {
  const yaml = 'routes:\n  - name: a\n    match: { host: "*" }\n    wat: 1\n    timeout: { total: 1s, connect: 2s }\n'
  t.same(
    failure(() => read(yaml)).problems.map(({ path }) => path),
    ['routes.0.wat', 'routes.0.timeout.connect'],
  )
  t.end()
})

t.test('a long line is cut around the caret, and control characters do not reach the terminal', t => {
  const problem = { file: 'f', line: 1, column: 500, path: 'a', message: 'm', severity: 'error' } as const
  const [, shown = '', caret = ''] = formatProblem(problem, `${'x'.repeat(499)}Y\x1b[31m${'z'.repeat(500)}`).split('\n')
  t.ok(shown.length < 200)
  t.equal(shown[caret.indexOf('^')], 'Y')
  t.notOk(shown.includes('\x1b'))
  t.end()
})

t.test('nothing in a file means the built-in default, which is the default of the schema', t => {
  const standard = loadDefault(ENV, {}).config
  for (const yaml of [
    '',
    '# only a comment\n',
    '---\n',
    'version: 1\n',
    '\ufeffversion: 1\r\n',
    'routes: [{ name: all, match: { host: "*" } }]',
  ]) {
    t.same(read(yaml.replace('\ufeff', '')).config, standard, JSON.stringify(yaml))
  }
  t.equal(standard.state, '/home/u/.local/state/mulligan')
  t.equal(loadDefault({ XDG_STATE_HOME: '/x' }, {}).config.state, '/x/mulligan')
  t.end()
})

t.test('off and false switch off the same things', t => {
  for (const off of ['off', 'false']) {
    const { config } = read(
      `listen: { admin: ${off} }\nintercept: ${off}\nroutes:\n  - name: a\n    match: { host: "*" }\n    retry: ${off}\n    cooldown: ${off}\n    breaker: ${off}\n`,
    )
    t.equal(config.listen.admin, undefined)
    t.equal(config.intercept.mode, 'off')
    t.match(config.routes[0], { retry: undefined, cooldown: undefined, breaker: undefined })
  }
  t.end()
})

t.test('what is left out of a block follows from what is there', t => {
  const { config } = read(
    'routes:\n  - name: a\n    match: { host: "BÜCHER.Example." , methods: [get] }\n    upstream: https://[::1]:8443/base/\n    timeout: { total: 2s }\n    retry: { backoff: { cap: 100ms } }\n    body: { memory: 64MiB }\n',
  )
  const [route] = config.routes
  t.same(route?.timeout, { total: 2_000, per_try: 1_000, connect: 2_000, idle: 60_000 })
  t.same(route?.retry?.backoff, { base: 100, cap: 100 })
  t.same(route?.body, { memory: 67_108_864, spill: 67_108_864 })
  t.same(route?.upstream, { scheme: 'https', host: '::1', port: 8443, base_path: '/base' })
  t.match(route?.match, { host: 'xn--bcher-kva.example', methods: ['GET'] })
  t.end()
})

t.test('every preset loads, and keys of the route win', t => {
  t.same(presetNames(), ['adcp', 'anthropic', 'github', 'openai', 'stripe', 'x402'])
  for (const name of presetNames()) {
    const { config, warnings } = read(
      `routes: [{ name: r, preset: ${name}, match: { host: h.example }, retry: { attempts: 7 } }]`,
    )
    t.match(config.routes[0], { name: 'r', preset: name, match: { host: 'h.example' }, retry: { attempts: 7 } })
    t.same(warnings, [])
  }
  const { config } = read('routes: [{ preset: anthropic, cooldown: off, timeout: { idle: 1s } }]')
  t.match(config.routes[0], { name: 'anthropic', cooldown: undefined, timeout: { total: 600_000, idle: 1_000 } })
  t.ok(config.routes[0]?.retry?.statuses.includes(529))
  t.end()
})

t.test('the shipped files load without a warning and fit the JSON Schema', t => {
  const schema = z.fromJSONSchema(jsonSchema() as Parameters<typeof z.fromJSONSchema>[0])
  for (const name of ['minimal.yaml', 'example.yaml']) {
    t.same(loadConfig(shipped(name), ENV).warnings, [], name)
    const text = readFileSync(shipped(name), 'utf8')
    t.match(text, /^# yaml-language-server: \$schema=/)
    t.ok(schema.safeParse(parse(text)).success, name)
  }
  t.notOk(schema.safeParse({ routes: [{ nme: 'a' }] }).success, 'the schema refuses an unknown key')
  t.end()
})

t.test('doubtful mixes are warned about, and a secret is not shown', t => {
  const yaml = `listen: { auth: { username: u, password: hunter2 }, proxy: 0.0.0.0:1 }
routes:
  - { name: a, match: { host: "*" }, retry: { non_idempotent: always }, timeout: { total: 1s, per_try: 5s } }
  - { name: b, match: { host: x.example } }
`
  const { warnings, source } = read(yaml)
  t.same(
    warnings.map(({ path }) => path),
    ['listen.auth.password', 'routes.0.retry.non_idempotent', 'routes.0.timeout.per_try', 'routes.1.name'],
  )
  t.notMatch(warnings.map(warning => formatProblem(warning, source)).join('\n'), /hunter2/)
  t.end()
})

t.test('the command line wins over the file, and is checked as strictly', async t => {
  const flags = { listen: '127.0.0.1:0', admin: 'off', state: '/s', logLevel: 'debug', logFormat: 'json' }
  const { config } = parseConfig('/etc/m.yaml', 'listen: { proxy: 127.0.0.1:9 }', ENV, flags)
  t.match(config, {
    listen: { proxy: [{ port: 0 }], admin: undefined },
    state: '/s',
    log: { level: 'debug', format: 'json' },
  })
  const wrong = { listen: 'x', admin: '1.2.3.4:99999', state: '', logLevel: 'loud', logFormat: 'xml' }
  const expected = ['--state', '--listen', '--admin', '--log-level', '--log-format']
  t.same(
    failure(() => loadConfig(undefined, ENV, wrong)).problems.map(({ file }) => file),
    expected,
  )
  await t.rejects(
    readConfig(undefined, ENV, { listen: '0.0.0.0:1' }),
    /^--listen: 0\.0\.0\.0:1 can be reached/,
    'FP-20',
  )
  t.throws(() => parseConfig('/m', '', ENV, { listen: '[::]:1' }), /^--listen: \[::\]:1 can be reached/)
  t.end()
})

t.test('files are found in order, and one that was asked for must exist', t => {
  const dir = t.testdir({
    'a.yaml': '',
    home: { '.config': { mulligan: { 'mulligan.yaml': '' } } },
    work: { 'mulligan.yaml': '' },
    empty: {},
  })
  const env = { HOME: join(dir, 'home') }
  t.equal(findConfigFile('a.yaml', env, dir), join(dir, 'a.yaml'))
  t.equal(findConfigFile(undefined, { ...env, MULLIGAN_CONFIG: 'a.yaml' }, dir), join(dir, 'a.yaml'))
  t.equal(findConfigFile(undefined, env, join(dir, 'work')), join(dir, 'work/mulligan.yaml'))
  t.equal(findConfigFile(undefined, env, dir), join(dir, 'home/.config/mulligan/mulligan.yaml'))
  t.equal(findConfigFile(undefined, { HOME: join(dir, 'empty') }, dir), undefined)
  t.match(failure(() => findConfigFile('no.yaml', env, dir)).message, /^--config: there is no file .*no\.yaml$/)
  t.match(failure(() => findConfigFile(undefined, { MULLIGAN_CONFIG: 'no.yaml' }, dir)).message, /^\$MULLIGAN_CONFIG: /)
  t.end()
})

t.test('T21: a file that is no configuration is refused with a reason', t => {
  const dir = t.testdir({})
  const file = join(dir, 'f')
  const cases: [string, Buffer | string, RegExp][] = [
    ['binary', Buffer.from([1, 0, 2]), /holds binary data/],
    ['not UTF-8', Buffer.from([0x76, 0xff, 0xfe]), /is not UTF-8/],
    ['huge', ' '.repeat(5_000_000), /is longer than 4 MiB/],
    ['deep', '['.repeat(100_000), /./],
    [
      'an alias bomb',
      `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefg'
        .split('')
        .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[i]}`).join(', ')}]`)
        .join('\n')}\n`,
      /an alias that cannot be followed/,
    ],
    ['an alias within itself', 'routes: &a [*a]\n', /routes\.0/],
  ]
  for (const [name, content, message] of cases) {
    writeFileSync(file, content)
    t.match(failure(() => loadConfig(file, ENV)).message, message, name)
  }
  mkdirSync(join(dir, 'folder'))
  t.match(failure(() => loadConfig(join(dir, 'folder'), ENV)).message, /is a folder/)
  t.match(failure(() => loadConfig(join(dir, 'none'), ENV)).message, /cannot be read: ENOENT/)
  writeFileSync(file, '\ufeffwat: 1\n')
  t.match(failure(() => loadConfig(file, ENV)).message, /:1:1: wat/, 'a byte order mark moves no column')
  t.end()
})

t.test('relative paths are relative to the file, and ~ is the home', t => {
  const dir = t.testdir({
    'm.yaml': 'state: ./s\nlisten: { auth: { username: u, password: { file: ~/pw } } }\negress: { ca_file: ca.pem }\n',
    'ca.pem': '',
  })
  const { config } = loadConfig(join(dir, 'm.yaml'), ENV)
  t.equal(config.state, join(dir, 's'))
  t.equal(config.egress.ca_file, join(dir, 'ca.pem'))
  t.same(config.listen.auth?.password, { file: '/home/u/pw' })
  t.end()
})

t.test('FP-29: the next hop as URL, block or word, and its exceptions as list or text', t => {
  const egressOf = (yaml: string) => read(`egress: { ${yaml} }\n`).config.egress
  const corp = { scheme: 'http', host: 'corp', port: 3128, auth: undefined }
  const login = { username: { env: 'U' }, password: { file: '/etc/pw' } }
  t.same(egressOf('proxy: "HTTP://Corp:3128/"').proxy, corp)
  t.same(egressOf('proxy: "https://[::1]"').proxy, { scheme: 'https', host: '::1', port: 443, auth: undefined })
  t.same(egressOf('proxy: "http://corp", no_proxy: []').proxy, { ...corp, port: 80 })
  t.same(egressOf('proxy: { url: "http://corp:3128", username: { env: U }, password: { file: pw } }').proxy, {
    ...corp,
    auth: login,
  })
  t.equal(egressOf('proxy: env').proxy, 'env')
  t.equal(egressOf('proxy: off').proxy, undefined)
  t.equal(egressOf('proxy: false').proxy, undefined)
  const straight = ['a.test', '*.b.test:80', '10.0.0.0/8', 'xn--bcher-kva.example']
  t.same(egressOf('proxy: env, no_proxy: [A.test, "*.b.test:80", 10.0.0.0/8, Bücher.example]').no_proxy, straight)
  t.same(egressOf('proxy: env, no_proxy: "a.test,*.b.test:80 10.0.0.0/8, bücher.example"').no_proxy, straight)
  t.end()
})

t.test('a password in the URL of the next hop draws a warning that does not show it', t => {
  const yaml = 'egress:\n  proxy: http://u:hunter2@corp:3128\n'
  const { config, warnings, source } = read(yaml)
  t.match(config.egress.proxy, { auth: { username: { literal: 'u' }, password: { literal: 'hunter2' } } })
  const report = warnings.map(warning => formatProblem(warning, source)).join('\n')
  t.match(report, /egress\.proxy: a secret in the file itself; write \{url: URL, /)
  t.notMatch(report, /hunter2/)
  const wrong = failure(() => read('egress:\n  proxy: socks5://u:hunter2@corp\n')).report()
  t.notMatch(wrong, /hunter2/, 'neither does an error')
  const block = (password: string) => `egress: { proxy: { url: "http://x", username: u, password: ${password} } }\n`
  t.equal(read(block('{ env: P }')).warnings.length, 0)
  t.equal(read(block('hunter2')).warnings.length, 1)
  t.match(read('egress: { no_proxy: [a] }\n').warnings, [{ message: /no effect without egress\.proxy/ }])
  t.end()
})
