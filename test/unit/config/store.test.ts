import t from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { ConfigError, formatProblem } from '../../../src/config/problems.js'

const read = (yaml: string) => parseConfig('/etc/m.yaml', yaml, { HOME: '/home/u' })
const settings = (yaml: string) => read(yaml).config.store

const REDIS = {
  kind: 'redis',
  tls: false,
  host: 'redis.example',
  port: 6379,
  db: 0,
  prefix: 'mulligan:',
  username: undefined,
  password: undefined,
}

t.test('state lives on disk unless the file says otherwise', t => {
  t.strictSame(settings('version: 1\n'), { kind: 'embedded' })
  t.strictSame(settings('store: embedded\n'), { kind: 'embedded' })
  t.strictSame(settings('store: memory\n'), { kind: 'memory' })
  t.end()
})

t.test('a redis URL says where, which database, which prefix, and whether by TLS', t => {
  const cases: [string, object][] = [
    ['redis://redis.example', {}],
    ['redis://redis.example:6380/', { port: 6380 }],
    ['rediss://redis.example/12', { tls: true, db: 12 }],
    ['redis://[::1]:1/1?prefix=a:', { host: '::1', port: 1, db: 1, prefix: 'a:' }],
    ['redis://redis.example?prefix=', { prefix: '' }],
    ['redis://u@redis.example', { username: { literal: 'u' } }],
  ]
  for (const [url, more] of cases) t.strictSame(settings(`store: "${url}"\n`), { ...REDIS, ...more }, url)
  t.end()
})

t.test('a password can be a reference, whose path is that of the file', t => {
  const store = settings('store: { url: rediss://redis.example, username: app, password: { file: pw } }\n')
  t.strictSame(store, { ...REDIS, tls: true, username: { literal: 'app' }, password: { file: '/etc/pw' } })
  t.strictSame(read('store: { url: rediss://redis.example, password: { env: PW } }\n').warnings, [])
  t.end()
})

t.test('a password in the file itself draws a warning that does not repeat it', t => {
  for (const yaml of [
    'store: redis://u:hush%2Fhush@redis.example\n',
    'store: { url: redis://redis.example, password: hush%2Fhush }\n',
  ]) {
    const { config, warnings, source } = read(yaml)
    t.match(config.store, { password: { literal: /^hush(?:\/|%2F)hush$/ } })
    t.equal(warnings.length, 1)
    const [warning] = warnings
    t.match(warning, { path: 'store', message: /a secret in the file itself/ })
    t.notMatch(warning && formatProblem(warning, source), /hush/)
  }
  t.end()
})

t.test('a broken store is refused, and the refusal repeats no password', t => {
  const cases: [string, RegExp][] = [
    ['store: disk', /"disk" is not allowed; embedded, memory, redis/],
    ['store: http://u:hush@x', /"http:\/\/…@x" is not allowed/],
    ['store: redis://u:hush@', /is not a URL/],
    ['store: redis://u:hush@x/a', /the number of the database/],
    ['store: redis://u:hush@x?timeout=1', /the only parameter is prefix/],
    ['store: redis://u:hush@x:0', /port 0 cannot be dialled/],
    ['store: redis://u:%zz@x', /badly %-encoded/],
    ['store: { url: redis://u:hush@x }', /keys of their own here/],
    ['store: { password: hush }', /url/],
    ['store: { url: memory }', /redis/],
  ]
  for (const [yaml, expected] of cases) {
    try {
      read(`${yaml}\n`)
      t.fail(`${yaml} was taken`)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      t.match(error.report(), expected, yaml)
      t.notMatch(error.report(), /hush/, yaml)
    }
  }
  t.end()
})
