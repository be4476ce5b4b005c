import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { COMMANDS } from '../../src/cli/commands.js'
import { commandLine as cli } from '../support/command-line.js'

t.test('help names every command and every option, on stdout, with code 0', async t => {
  const dir = t.testdir({})
  const { code, out } = await cli(dir, '--help')
  t.equal(code, 0)
  for (const command of COMMANDS) {
    t.match(out, `  ${command.name} `)
    const help = await cli(dir, `${command.name} --help`)
    t.equal(help.code, 0)
    for (const option of Object.keys(command.options)) t.match(help.out, `--${option}`)
    t.same((await cli(dir, `help ${command.name}`)).out, help.out)
  }
  t.match(out, 'Usage: mulligan COMMAND')
  t.same(await cli(dir, 'help'), { code: 0, out, err: '' })
  t.same(await cli(dir, ''), { code: 2, out: '', err: out }, 'no command is an error')
})

t.test('a typing slip is met with a suggestion and code 2', async t => {
  const dir = t.testdir({})
  const rows: [string, RegExp][] = [
    ['chek', /unknown command "chek", did you mean "check"\?\nTry: mulligan --help/],
    ['wallet', /unknown command "wallet"\n/],
    ['--verison', /unknown option "--verison"/],
    ['check --jsn', /unknown option "--jsn", did you mean "--json"\?\nTry: mulligan check --help/],
    ['check -x', /unknown option "-x"\n/],
    ['check --config', /argument missing/],
    ['check --json=1', /does not take an argument/],
    ['check this', /"this" is one word too many/],
    ['explain GET', /explain needs METHOD URL/],
    ['explain GET nope', /"nope" is not an http or https URL/],
    ['explain GET /x', /no route is mounted at \/x/],
    ['explain GET http://x --answers 99', /"99" is no answer; a status is 200 to 599/],
    ['explain GET http://x --answers rset', /did you mean "reset"/],
    ['explain GET http://x --answers 503:x', /"x" is no field/],
    ['explain GET http://x --header x', /"x" is not a header/],
    ['env --shell bash', /--shell bash is not known; one of sh, fish/],
    ['init --preset opnai', /no preset is called "opnai", did you mean "openai"/],
  ]
  for (const [line, message] of rows) {
    const { code, out, err } = await cli(dir, line)
    t.equal(code, 2, line)
    t.equal(out, '', line)
    t.match(err, message, line)
  }
})

t.test("the version is the package's", async t => {
  t.match(await cli(t.testdir({}), '--version'), { code: 0, out: /^\d+\.\d+\.\d+\n$/ })
})

t.test('check prints the effective configuration, and errors with code 2', async t => {
  const dir = t.testdir({
    'mulligan.yaml': 'routes:\n  - { name: a, match: { host: "*" }, upstream: "http://u/b", mount: /m }\n',
    'bad.yaml': 'wat: 1\n',
  })
  const good = await cli(dir, 'check')
  t.match(good, {
    code: 0,
    out: /mulligan\.yaml is valid\.[\s\S]*1\. a {2}\* → http:\/\/u\/b, mounted at \/m/,
  })
  const json = await cli(dir, 'check --json --listen 127.0.0.1:0')
  t.match(JSON.parse(json.out), {
    valid: true,
    file: join(dir, 'mulligan.yaml'),
    config: { listen: { proxy: [{ port: 0 }] } },
  })
  t.match(await cli(dir, 'check -c bad.yaml'), { code: 2, out: '', err: /bad\.yaml:1:1: wat: unknown key[\s\S]*\^\n$/ })
  const bad = await cli(dir, 'check --json -c bad.yaml')
  t.equal(bad.code, 2)
  t.match(JSON.parse(bad.out), { valid: false, problems: [{ line: 1, column: 1, path: 'wat', severity: 'error' }] })
})

t.test('check warns about unsafe mixes and prints no secret', async t => {
  const yaml =
    'listen: { proxy: 0.0.0.0:1, allow_from: [10.0.0.0/8] }\nroutes:\n  - { name: a, match: { host: "*" }, upstream: "http://u", mount: /m, retry: { non_idempotent: always } }\n'
  const dir = t.testdir({
    'mulligan.yaml': yaml,
    'secret.yaml': 'listen: { auth: { username: u, password: hunter2 } }\n',
    'hop.yaml': 'egress: { proxy: "http://u:hunter2@corp:3128", no_proxy: [x.test], deny: [10.0.0.0/8] }\n',
  })
  const { err } = await cli(dir, 'check')
  t.match(err, /mounts of a can be used by other machines/)
  t.match(err, /warning: routes\.0\.retry\.non_idempotent/)
  for (const line of [
    'check -c secret.yaml',
    'check --json -c secret.yaml',
    'check -c hop.yaml',
    'check --json -c hop.yaml',
  ]) {
    const { out, err } = await cli(dir, line)
    t.match(out + err, /a secret in the file itself/)
    t.notMatch(out + err, /hunter2/)
  }
  const { out } = await cli(dir, 'check -c hop.yaml')
  t.match(out, /egress +through: http:\/\/corp:3128, but not x\.test; unmatched: pass; denied: 10\.0\.0\.0\/8\n/)
})

t.test('colour only on a terminal, and not with NO_COLOR', async t => {
  const dir = t.testdir({})
  t.notMatch((await cli(dir, 'check')).out, '\x1b')
  t.match((await cli(dir, 'check', { isTTY: true })).out, '\x1b[1m')
  t.notMatch((await cli(dir, 'check', { isTTY: true, env: { NO_COLOR: '1' } })).out, '\x1b')
})

t.test('FP-26: env prints both cases of each variable, for each shell', async t => {
  const dir = t.testdir({
    'm.yaml': 'listen: { proxy: "[::]:9", auth: { username: u, password: { env: P } } }\n',
    'u.yaml': 'listen: { proxy: unix:/x }\n',
  })
  const { out } = await cli(dir, 'env')
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'])
    t.match(out, `export ${name}='http://127.0.0.1:8402'\n`)
  t.match(out, /export no_proxy=[\s\S]*export NO_PROXY=/)
  t.match((await cli(dir, 'env --shell fish')).out, "set -gx http_proxy 'http://127.0.0.1:8402'\n")
  t.match((await cli(dir, 'env --shell powershell')).out, "$env:http_proxy = 'http://127.0.0.1:8402'\n")
  t.match((await cli(dir, 'env --shell dotenv')).out, 'http_proxy="http://127.0.0.1:8402"\n')
  t.match(JSON.parse((await cli(dir, 'env --shell json -c m.yaml')).out), { http_proxy: 'http://[::1]:9' })
  t.match((await cli(dir, 'env -c m.yaml')).err, /listen\.auth is set/)
  t.equal((await cli(dir, 'env -c u.yaml')).code, 2)
})

t.test('init writes a file that check takes, and replaces none unless told', async t => {
  const dir = t.testdir({})
  t.match(await cli(dir, 'init --preset openai,x402 --preset github'), { code: 0, out: /Wrote mulligan\.yaml/ })
  const text = readFileSync(join(dir, 'mulligan.yaml'), 'utf8')
  t.match(parse(text), {
    version: 1,
    routes: [{ name: 'openai', mount: '/openai' }, { name: 'x402' }, { name: 'github' }, { name: 'all' }],
  })
  t.equal((await cli(dir, 'check')).code, 0)
  t.match(await cli(dir, 'init'), { code: 2, err: /is there already; --force/ })
  t.equal(readFileSync(join(dir, 'mulligan.yaml'), 'utf8'), text)
  t.equal((await cli(dir, 'init --force')).code, 0)
  t.equal((await cli(dir, 'init other.yaml')).code, 0)
  t.ok(existsSync(join(dir, 'other.yaml')))
})

t.test('explain tells route, policies, and each attempt with its wait and reason', async t => {
  const yaml =
    'egress: { unmatched: deny }\nroutes:\n  - { name: api, match: { host: "*.x.test" }, mount: /api, upstream: "https://api.x.test/v1" }\n  - { name: plain, match: { host: y.test }, retry: off, cooldown: off, breaker: off }\n'
  const dir = t.testdir({ 'mulligan.yaml': yaml })
  const rows: [string, ...RegExp[]][] = [
    [
      'GET http://api.x.test/a --answers 503,429:retry-after=2,200',
      /route: api/,
      /1\. +503 +repeat after 10ms to 250ms +status/,
      /repeat after 2s to 2\.4s, shared with other requests +retry-after/,
      /client gets +200/,
    ],
    [
      'POST /api/x --answers reset',
      /route: api .*→ https:\/\/api\.x\.test\/v1/,
      /give back +unsafe-to-repeat/,
      /502 reset +made by mulligan/,
    ],
    ['POST /api/x --answers refused', /repeat after .*never-sent/, /and so on/],
    [
      'GET /api/x --answers 503,503,503',
      /attempts-exhausted/,
      /client gets +503 +the upstream's own answer with x-should-retry: false/,
    ],
    ['GET /api/x --answers 503,junk,reset', /client gets +503/],
    ['GET /api/x --answers timeout,timeout', /repeat after .*network/, /give back +wait-too-long/],
    [
      'GET https://y.test/ --answers 503',
      /note: TLS to this host is not ended here/,
      /retry +off/,
      /give back +retry-off/,
    ],
    ['GET http://z.test/', /route: none; refused with 403 destination_denied/],
    ['GET /api/x', /Add --answers/],
  ]
  for (const [line, ...expected] of rows) {
    const { code, out } = await cli(dir, `explain ${line}`)
    t.equal(code, 0, line)
    for (const part of expected) t.match(out, part, line)
  }
  const repeated = await cli(dir, ['explain', 'GET', '/api/x', '-H', 'x-stainless-retry-count: 1'])
  t.match(repeated.out, /the client repeats by itself/)
})
