import type { Route } from '../config/config.js'
import type { Mode } from './record.js'

/** Where a request goes and under which rules, decided before the exchange begins. */
export type Plan = {
  readonly route: Route
  readonly mode: Mode
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** As it goes into `Host`. */
  readonly authority: string
  /** Others than this machine can reach the listener: who asks cannot be told from where. */
  readonly shared: boolean
  /** Path and query at the upstream. */
  readonly path: string
}
