import type { IdempotencySettings, ReplaySettings } from '../policy/idempotency-settings.js'
import { formatMillis } from '../time/units.js'
import type { Config, Route } from './config.js'
import { errorAt, type Finding, warningAt } from './findings.js'
import { formatListenAddress, isLocal } from './listen-address.js'

/** Whether the keys of each route can do what they are there for, and what is unsafe about them. */
export function checkIdempotency(config: Config): Finding[] {
  return config.routes.flatMap((route, index) => {
    const at = (...keys: string[]): PropertyKey[] => ['routes', index, ...keys]
    const { idempotency } = route
    const unseen = checkTunnels(route, config, at)
    if (idempotency === undefined) return unseen
    return [
      ...checkKey(route, idempotency, config, at),
      ...unseen,
      ...(idempotency.replay === undefined ? [] : checkReplay(route, idempotency, idempotency.replay, config, at)),
    ]
  })
}

type At = (...keys: string[]) => PropertyKey[]

function checkKey(route: Route, { carrier, inject, ...settings }: IdempotencySettings, config: Config, at: At) {
  const findings: Finding[] = []
  const { methods, upstream, replay } = settings
  const taken = route.match.methods
  if (taken !== undefined && !methods.some(method => taken.includes(method))) {
    const message = `${methods.join(', ')}: the route takes none of them (match.methods: ${taken.join(', ')})`
    findings.push(warningAt(at('idempotency', 'methods'), message))
  }
  if (inject !== undefined && upstream === 'none') {
    const message = 'a key that the upstream ignores protects nothing, so nothing is unlocked; say what upstream does'
    findings.push(warningAt(at('idempotency', 'inject'), message))
  }
  if (inject === undefined && upstream === 'none' && replay === undefined) {
    findings.push(warningAt(at('idempotency'), 'does nothing; set upstream, inject or replay'))
  }
  if (carrier.kind === 'json' && route.body.memory === 0) {
    findings.push(errorAt(at('idempotency', 'json'), 'a key in the body is read in memory, and body.memory is 0B'))
  }
  if (carrier.kind === 'header' && tokenHeader(route, config) === carrier.name.toLowerCase()) {
    const message = `${carrier.name} carries the token of credential "${route.credential}"`
    findings.push(errorAt(at('idempotency', 'header'), message))
  }
  return findings
}

function tokenHeader({ credential }: Route, { credentials }: Config): string | undefined {
  if (credential === undefined || !Object.hasOwn(credentials, credential)) return undefined
  const carrier = credentials[credential]?.inject.carrier
  return carrier?.kind === 'header' ? carrier.name.toLowerCase() : undefined
}

function checkReplay(route: Route, settings: IdempotencySettings, replay: ReplaySettings, config: Config, at: At) {
  const findings: Finding[] = []
  const warn = (name: string, message: string) => {
    findings.push(warningAt(at('idempotency', 'replay', ...(name === '' ? [] : [name])), message))
  }
  const { ttl, on_uncertain } = replay
  if (ttl < route.timeout.total) {
    const total = formatMillis(route.timeout.total)
    warn('ttl', `${formatMillis(ttl)} is shorter than timeout.total (${total}): a key may be forgotten while it runs`)
  }
  if (on_uncertain === 'allow') {
    warn('on_uncertain', '"allow" sends again what may have been applied: an effect may happen twice')
  }
  if (on_uncertain === 'resume' && settings.upstream === 'none') {
    warn('on_uncertain', '"resume" with upstream: none sends again what may have been applied: it may happen twice')
  }
  const leavesOutId = replay.ignore.some(pointer => pointer.length === 1 && pointer[0] === 'id')
  if (replay.dialect !== 'http' && !leavesOutId) {
    const message = `a repeat in ${replay.dialect} has an id of its own, and is taken for another payload (422)`
    warn('dialect', `${message}; set fingerprint: jcs, ignore: [/id]`)
  }
  if (config.store.kind === 'memory') {
    warn('', 'store: memory forgets keys with the process, so that nothing holds after a crash; use embedded, or Redis')
  }
  const shared = sharedBy(route, config)
  if (shared !== '' && route.credential === undefined && replay.scope.length === 0) {
    const what = `requests without a credential are not replayed, because other machines connect at ${shared}`
    warn('', `${what} and nothing tells them apart; set credential, or scope`)
  }
  if (shared !== '' && route.credential !== undefined && replay.scope.length === 0) {
    const who = `clients at ${shared} all act with credential "${route.credential}"`
    warn(
      '',
      `${who}, so one that uses another's key gets the other's answer; set scope to a header that tells them apart`,
    )
  }
  return findings
}

/** Where other machines reach this route. */
function sharedBy({ mount }: Route, { listen }: Config): string {
  const mounts = listen.mounts === 'same' || mount === undefined ? [] : [listen.mounts]
  return [...listen.proxy, ...mounts]
    .filter(address => !isLocal(address))
    .map(formatListenAddress)
    .join(', ')
}

/** What passes untouched has no keys, bodies or statuses that anybody could see. */
function checkTunnels({ tls, match, mount, idempotency, classify }: Route, { intercept }: Config, at: At): Finding[] {
  const name = idempotency === undefined ? 'classify' : 'idempotency'
  if ((idempotency === undefined && classify.length === 0) || match.scheme === 'http') return []
  const untouched = whyUntouched(tls, match.host, intercept.mode)
  if (untouched === undefined) return []
  const but = mount === undefined ? '' : ', but for its mount'
  return [warningAt(at(name), `HTTPS passes untouched (${untouched}), so it does not act there${but}`)]
}

function whyUntouched(tls: Route['tls'], host: string, mode: 'routes' | 'off'): string | undefined {
  if (mode === 'off') return 'intercept: off'
  if (tls === 'tunnel') return 'tls: tunnel'
  return tls === 'auto' && host === '*' ? 'match.host is *, and tls does not say intercept' : undefined
}
