import type { Config, Route } from '../config/config.js'
import { cleartextRoutes } from '../config/credential-checks.js'
import { formatListenAddress, isLocal } from '../config/listen-address.js'

/** Mixes that somebody chose, and that may surprise all the same; each with what to do about it. */
export function notesOf(config: Config): string[] {
  return [...mountNotes(config), ...relayNotes(config), ...cleartextNotes(config), ...portNotes(config)]
}

function mountNotes({ listen, routes }: Config): string[] {
  const mounted = namesOf(routes.filter(({ mount }) => mount !== undefined))
  const doors = listen.mounts === 'same' ? listen.proxy : [listen.mounts]
  if (mounted === '' || listen.auth !== undefined || doors.every(isLocal)) return []
  return [`the mounts of ${mounted} can be used by other machines without a password: set listen.auth`]
}

/** A proxy lends its place in the network to its clients; link-local and metadata addresses alone are closed to all. */
function relayNotes({ listen, egress }: Config): string[] {
  const shared = listen.proxy.filter(address => !isLocal(address)).map(formatListenAddress)
  const isClosed = egress.deny.some(network => network.startsWith('127.'))
  if (shared.length === 0 || egress.unmatched === 'deny' || isClosed) return []
  return [
    `clients at ${shared.join(', ')} reach the loopback ports of this machine: egress: { deny: [127.0.0.0/8, "::1"] }, or unmatched: deny`,
  ]
}

function cleartextNotes(config: Config): string[] {
  const plain = namesOf(cleartextRoutes(config))
  const bare = namesOf(config.routes.filter(route => isOpen(route.credential, config) && mayBePlain(route)))
  const paying = namesOf(config.routes.filter(route => route.payment?.allow_insecure === true && mayBePlain(route)))
  return [
    ...(plain === ''
      ? []
      : [`http:// requests on ${plain} go without the credential; upstream: https://… sends them by TLS`]),
    ...(bare === ''
      ? []
      : [
          `allow_cleartext: whoever is on the way of http:// requests on ${bare} reads the token; use upstream: https://…`,
        ]),
    ...(paying === ''
      ? []
      : [
          `allow_insecure: whoever is on the way of http:// requests on ${paying} can have the payment go elsewhere; set pay_to, or use upstream: https://…`,
        ]),
  ]
}

const isOpen = (credential: string | undefined, { credentials }: Config): boolean =>
  credential !== undefined &&
  Object.hasOwn(credentials, credential) &&
  credentials[credential]?.allow_cleartext === true

/** It may leave this machine by plain http. */
function mayBePlain({ match, upstream }: Route): boolean {
  const scheme = upstream?.scheme ?? match.scheme
  return scheme !== 'https' && !isThisMachine(upstream?.host ?? match.host)
}

const isThisMachine = (host: string): boolean => isLocal({ kind: 'tcp', host, port: 0 })

/** Every program of this machine may listen on some port of it (TR-16). */
function portNotes({ routes }: Config): string[] {
  const loose = routes.filter(
    ({ credential, match, upstream }) =>
      credential !== undefined && upstream === undefined && match.port === undefined && isThisMachine(match.host),
  )
  if (loose.length === 0) return []
  return [`${namesOf(loose)} sends its token to every port of this machine, whoever listens there: set match.port`]
}

const namesOf = (routes: readonly Route[]): string => routes.map(({ name }) => name).join(', ')
