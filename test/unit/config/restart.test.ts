import t from 'tap'
import type { Config } from '../../../src/config/config.js'
import { parseConfig } from '../../../src/config/load.js'
import { needsRestart } from '../../../src/config/restart.js'

const read = (yaml: string): Config => parseConfig('/etc/mulligan.yaml', yaml, { HOME: '/home/me' }).config

t.test('F7: what is bound, open or sized at start needs a restart, each key by its name', t => {
  const cases: [string, string][] = [
    ['listen: { proxy: 127.0.0.1:9000 }', 'listen.proxy'],
    ['listen: { admin: off }', 'listen.admin'],
    ['listen: { mounts: 127.0.0.1:9000 }', 'listen.mounts'],
    ['state: /var/lib/other', 'state'],
    ['store: memory', 'store'],
    ['store: redis://127.0.0.1:6379/1', 'store'],
    ['workers: 2', 'workers'],
    ['log: { level: warn }', 'log.level'],
    ['log: { format: json }', 'log.format'],
    ['log: { redact: [x-internal] }', 'log.redact'],
    ['limits: { connections: 99 }', 'limits.connections'],
    ['limits: { header_bytes: 32KiB }', 'limits.header_bytes'],
    ['limits: { body_memory_total: 1MiB }', 'limits.body_memory_total'],
  ]
  for (const [yaml, key] of cases) t.strictSame(needsRestart(read(''), read(yaml)), [key], yaml)
  t.strictSame(needsRestart(read('workers: 2'), read('store: memory')), ['store', 'workers'])
  t.end()
})

t.test('F7: what a reload puts in force needs no restart', t => {
  for (const yaml of [
    '',
    'routes: [{ name: a, match: { host: x.example }, retry: off }]',
    'egress: { unmatched: deny, deny: [10.0.0.0/8] }',
    'listen: { auth: { username: { env: A }, password: { env: B } } }',
    'shutdown: { drain: 1s }',
    'intercept: off',
  ])
    t.strictSame(needsRestart(read(''), read(yaml)), [], yaml)
  t.end()
})
