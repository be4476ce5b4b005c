import pino from 'pino'
import { test } from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { parseAuthority } from '../../../src/http/authority.js'
import { type Admission, admit } from '../../../src/listener/admission.js'
import { createClientAccess } from '../../../src/listener/client-access.js'
import { type TunnelTarget, tunnelTarget } from '../../../src/listener/client-connection.js'
import { Overload } from '../../../src/listener/overload.js'
import { createRules } from '../../../src/listener/rules.js'
import { requestHead } from '../../../src/wire/serialize.js'
import { someAuthority } from '../../support/authorities.js'
import { ManualClock } from '../../support/clock.js'
import { pick, seeded } from '../../support/random.js'

const YAML = `
routes:
  - { name: bank, match: { host: api.bank.test } }
  - { name: corp, match: { host: "*.corp.test" } }
  - { name: four, match: { host: 127.0.0.1 } }
  - { name: six, match: { host: "2001:DB8:0::7" } }
  - { name: idn, match: { host: "bänk.test" } }
`
const { config } = parseConfig('test.yaml', YAML, {}, { listen: '127.0.0.1:0', admin: 'off' })
const rules = createRules(config, createClientAccess(undefined, []))
const measures = {
  services: { pseudonym: 'mulligan-test', running: { exchanges: 0, tunnels: 0 } },
  rules: () => rules,
  overload: new Overload(new ManualClock(), () => config.limits, pino({ enabled: false })),
}
const door = {
  address: { kind: 'tcp', host: '127.0.0.1', port: 8402 },
  isLocal: true,
  forward: true,
  mounts: true,
} as const

/** An oracle of its own: which route a host must have. */
function routeOf(host: string): string {
  if (host === 'api.bank.test') return 'bank'
  if (/^(?:[a-z0-9_-]+\.)+corp\.test$/.test(host)) return 'corp'
  if (host === '127.0.0.1') return 'four'
  if (host === '2001:db8::7') return 'six'
  return host === 'xn--bnk-qla.test' ? 'idn' : '-'
}

const ask = (method: string, url: string, host: string, tunnel?: TunnelTarget): Admission =>
  admit(
    { method, url, httpVersion: '1.1', rawHeaders: ['Host', host], socket: { remoteAddress: '127.0.0.1' } },
    { tunnel, surplus: false },
    door,
    measures,
    undefined,
  )

/** What is wrong with a request that was let in, if anything: route, dial and `Host` must be of one mind. */
function disagreement(admission: Admission & { kind: 'go' }): string | undefined {
  const { plan, head } = admission
  const { scheme, host, port } = plan
  const dialled = `${host.includes(':') ? `[${host}]` : host}${port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`}`
  const sent = requestHead(head.method, plan.path, plan.authority, head.fields, head.framing, [])
  const hosts = sent.match(/^Host: .*(?=\r$)/gm)
  if (hosts?.length !== 1 || hosts[0] !== `Host: ${dialled}`) return `dials ${dialled}, sends ${hosts}`
  if (plan.route.name !== routeOf(host)) return `dials ${dialled} under route ${plan.route.name}`
  if (!/^[a-z0-9_.:-]+$/.test(host)) return `dials ${host}`
  return undefined
}

/** What the URL class makes of it, which is what clients and their allow-lists go by. `undefined`: not a URL. */
function urlView(target: string): string | undefined {
  if (!URL.canParse(target)) return undefined
  const { protocol, hostname, port, username, password } = new URL(target)
  const user = username === '' && password === '' ? '' : 'user@'
  const implied = protocol === 'https:' ? '443' : '80'
  return `${user}${hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')} ${port || implied}`
}

const ROUNDS = 60_000
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

test('T6: in absolute-form a route, a dial and a Host that is sent are of one mind, which is also that of URL', t => {
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  const met = { go: 0, refuse: 0, routed: 0 }
  for (let i = 0; i < ROUNDS; i++) {
    const authority = someAuthority(random)
    const target = `${pick(random, ['http', 'https', 'HTTP'])}://${authority}${pick(random, ['/', '', '/a?b', '?q'])}`
    const admission = ask('GET', target, pick(random, ['api.bank.test', 'evil.test', authority]))
    if (admission.kind !== 'go') {
      met.refuse++
      continue
    }
    met.go++
    if (admission.plan.route.name !== '-') met.routed++
    const wrong = disagreement(admission)
    if (wrong !== undefined) t.fail(`${JSON.stringify(target)}: ${wrong}`)
    const { host, port } = admission.plan
    const view = urlView(target)
    // URL refuses names of its own accord, such as bad punycode; it must not read them as something else.
    if (view !== undefined && view !== `${host} ${port}`) t.fail(`${target}: ${host} ${port}, to others ${view}`)
  }
  t.ok(met.go > ROUNDS / 10 && met.refuse > ROUNDS / 10 && met.routed > ROUNDS / 50, JSON.stringify(met))
  t.end()
})

test('T6: in a tunnel only what CONNECT named is asked for, by whatever Host, target and server name', t => {
  t.comment(`seed ${seed}`)
  const random = seeded(seed + 1)
  const met = { refused: 0, misdirected: 0, go: 0 }
  for (let i = 0; i < ROUNDS; i++) {
    const asked = someAuthority(random)
    const pinned = parseAuthority(asked, 443)
    if (pinned === undefined) {
      met.refused++
      continue
    }
    const scheme = pick(random, ['http', 'https'] as const)
    const named = random() < 0.5 ? asked : someAuthority(random)
    const servername =
      scheme === 'https' && random() < 0.5 ? pick(random, [pinned.host, 'evil.test', asked]) : undefined
    const tunnel = tunnelTarget(scheme, pinned, servername)
    const target = random() < 0.7 ? '/a' : `${pick(random, ['http', 'https'])}://${random() < 0.5 ? asked : named}/a`
    const admission = ask('GET', target, named, tunnel)
    if (admission.kind !== 'go') {
      if (admission.kind === 'refuse' && admission.refusal.code === 'misdirected') met.misdirected++
      else met.refused++
      continue
    }
    met.go++
    const { plan } = admission
    const wrong = disagreement(admission)
    if (wrong !== undefined) t.fail(`CONNECT ${asked}, ${target}, Host ${named}: ${wrong}`)
    if (plan.scheme !== scheme || plan.host !== pinned.host || plan.port !== pinned.port) {
      t.fail(`CONNECT ${asked}, ${target}, Host ${named} went to ${plan.scheme}://${plan.authority}`)
    }
  }
  t.ok(met.go > ROUNDS / 40 && met.misdirected > ROUNDS / 40, JSON.stringify(met))
  t.end()
})
