import { test } from 'tap'
import { ConfigError } from '../../../src/config/problems.js'
import { SecretError } from '../../../src/config/secret.js'
import { type EgressProxy, readEgressProxy, STRAIGHT } from '../../../src/upstream/egress-proxy.js'

type Env = Record<string, string>

const fromEnv = (env: Env, noProxy: string[] = []): Promise<EgressProxy> =>
  readEgressProxy({ proxy: 'env', no_proxy: noProxy }, env)

const named = { scheme: 'http', host: 'corp', port: 3128 } as const

const wayTo = (egress: EgressProxy, scheme: 'http' | 'https', host = 'a.test'): string => {
  const hop = egress.hopFor(scheme, host, scheme === 'https' ? 443 : 80)
  return hop === undefined ? 'straight' : `${hop.scheme}://${hop.host}:${hop.port}`
}

test('egress.proxy: env reads the variables as curl and Go do', async t => {
  const rows: [string, Env, http: string, https: string][] = [
    ['nothing set', {}, 'straight', 'straight'],
    ['each scheme has its own', { HTTP_PROXY: 'http://h:1', HTTPS_PROXY: 'http://s:2' }, 'http://h:1', 'http://s:2'],
    ['only one is set', { https_proxy: 'http://s:2' }, 'straight', 'http://s:2'],
    ['lower case wins', { http_proxy: 'http://low:1', HTTP_PROXY: 'http://up:1' }, 'http://low:1', 'straight'],
    ['an empty one is none', { http_proxy: '', HTTP_PROXY: 'http://up:1' }, 'http://up:1', 'straight'],
    ['ALL_PROXY fills the gap', { ALL_PROXY: 'http://all:9', http_proxy: 'h:1' }, 'http://h:1', 'http://all:9'],
    ['the scheme may be missing', { all_proxy: 'h:3128' }, 'http://h:3128', 'http://h:3128'],
    ['TLS to the proxy', { all_proxy: 'https://h' }, 'https://h:443', 'https://h:443'],
    ['NO_PROXY frees', { all_proxy: 'h:1', NO_PROXY: 'b.test,.test' }, 'straight', 'straight'],
    [
      'no_proxy wins over NO_PROXY',
      { all_proxy: 'h:1', no_proxy: 'b.test', NO_PROXY: '*' },
      'http://h:1',
      'http://h:1',
    ],
    [
      'an entry nobody can read frees nothing',
      { all_proxy: 'h:1', no_proxy: '192.168.*,%' },
      'http://h:1',
      'http://h:1',
    ],
    [
      'an unneeded ALL_PROXY is not looked at',
      { http_proxy: 'h:1', https_proxy: 'h:1', ALL_PROXY: 'socks5://s' },
      'http://h:1',
      'http://h:1',
    ],
  ]
  for (const [name, env, http, https] of rows) {
    const egress = await fromEnv(env)
    t.same([wayTo(egress, 'http'), wayTo(egress, 'https')], [http, https], name)
  }
  const both = await fromEnv({ all_proxy: 'h:1', no_proxy: 'b.test' }, ['a.test'])
  t.same([wayTo(both, 'http', 'a.test'), wayTo(both, 'http', 'b.test')], ['straight', 'straight'], 'the lists add up')
})

test('the proxy variables mean nothing without egress.proxy: env', async t => {
  const env = { http_proxy: 'http://h:1', HTTPS_PROXY: 'http://h:1', ALL_PROXY: 'http://h:1', NO_PROXY: '*' }
  const rest = { ca_file: undefined, unmatched: 'pass', deny: [], no_proxy: [] } as const
  t.equal(await readEgressProxy({ ...rest, proxy: undefined }, env), STRAIGHT)
  const egress = await readEgressProxy({ ...rest, proxy: { ...named, auth: undefined } }, env)
  t.same([wayTo(egress, 'http'), wayTo(egress, 'https')], ['http://corp:3128', 'http://corp:3128'])
})

test('a login is Basic, from the URL or from secrets', async t => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  const rest = { ca_file: undefined, unmatched: 'pass', deny: [], no_proxy: [] } as const
  const auth = { username: { literal: 'ü' }, password: { env: 'PW' } }
  const proxy = { ...named, auth }
  const egress = await readEgressProxy({ ...rest, proxy }, { PW: 'p:w' })
  t.equal(egress.hopFor('http', 'a', 80)?.authorization, basic('ü:p:w'))
  await t.rejects(readEgressProxy({ ...rest, proxy }, {}), SecretError)
  const hop = async (url: string) => (await fromEnv({ all_proxy: url })).hopFor('http', 'a', 80)?.authorization
  t.equal(await hop('http://u%40x:p%3Aw@h:1'), basic('u@x:p:w'))
  t.equal(await hop('token@h:1'), basic('token:'))
  t.equal(await hop('http://:pw@h:1'), basic(':pw'))
  t.equal(await hop('h:1'), undefined)
})

test('a variable that is no HTTP proxy stops the start by its name, and without its password', async t => {
  for (const value of [
    'socks5://u:hunter2@h:1',
    'ftp://u:hunter2@h',
    'http://u:hunter2@',
    'http://u:hunter2@h/path',
    'http://u:hunter2@h:0',
  ]) {
    const error = await fromEnv({ HTTPS_PROXY: value }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    t.ok(error instanceof ConfigError, value)
    t.match(String(error), /HTTPS_PROXY: /)
    t.notMatch(String(error), /hunter2/)
  }
})
