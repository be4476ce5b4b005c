import type { Settings } from './figures.js'

const MIB = 1_048_576

/** What is published: under ten minutes on two cpus with every peer there. */
export const FULL: Settings = {
  rounds: 5,
  seconds: 0.8,
  connections: 64,
  warmUpSeconds: 2,
  bulkBytes: 1_024 * MIB,
  bulkRounds: 3,
  tunnels: 10_000,
}

/** Everything at its smallest: whether it works, not how fast. */
export const QUICK: Settings = {
  rounds: 1,
  seconds: 0.1,
  connections: 16,
  warmUpSeconds: 0.1,
  bulkBytes: 16 * MIB,
  bulkRounds: 1,
  tunnels: 100,
}
