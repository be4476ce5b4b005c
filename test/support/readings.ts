import { NO_LOAD } from '../../src/metrics/load.js'
import type { Readings } from '../../src/metrics/readings.js'

/** Of a daemon that has done nothing yet. */
export const IDLE: Readings = {
  version: '1.2.3',
  load: NO_LOAD,
  credentials: [],
  routes: [],
  healths: [],
  now: 0,
}
