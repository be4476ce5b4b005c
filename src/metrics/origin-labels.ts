import type { Config } from '../config/config.js'
import { OTHER } from './tally.js'

/** Ports of a configured host are the client's choice: so many origins have a label of their own. */
const ORIGINS_MAX = 200

/**
 * What an origin is called in a label: itself, where the configuration names its host, else `other`. Who browses through
 * a route for `*` leaves no names behind, and nobody can make more than 200 series by asking.
 */
export class OriginLabels {
  readonly #named = new Set<string>()
  #hosts: ReadonlySet<string> = new Set()
  #routes: Config['routes'] | undefined

  /** @param origin `scheme://host:port` @param routes in force: after a reload others may be named */
  of(origin: string, routes: Config['routes']): string {
    if (routes !== this.#routes) this.#read(routes)
    if (!this.#hosts.has(hostOf(origin))) return OTHER
    if (!this.#named.has(origin) && this.#named.size >= ORIGINS_MAX) return OTHER
    this.#named.add(origin)
    return origin
  }

  #read(routes: Config['routes']): void {
    this.#routes = routes
    this.#hosts = new Set(routes.flatMap(({ match, upstream }) => [match.host, ...(upstream ? [upstream.host] : [])]))
    for (const origin of this.#named) if (!this.#hosts.has(hostOf(origin))) this.#named.delete(origin)
  }
}

/** IPv6 addresses have colons of their own. */
const hostOf = (origin: string): string => origin.slice(origin.indexOf('://') + 3, origin.lastIndexOf(':'))
