/** @property rounds of load, each of so many seconds @property warmUpSeconds before the first of them */
export type ScaleSettings = {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
  /** So many of everything whose memory is measured, as far as open files allow. */
  readonly held: number
  readonly routes: readonly number[]
  readonly credentials: readonly number[]
  readonly lookUps: number
}

/** What is published: under five minutes on two cpus. */
export const FULL: ScaleSettings = {
  rounds: 3,
  seconds: 0.5,
  warmUpSeconds: 0.8,
  connections: 64,
  held: 4_000,
  routes: [1, 10, 100, 1_000, 10_000],
  credentials: [1, 10, 100, 1_000],
  lookUps: 20_000,
}

/** Everything at its smallest: whether it works. */
export const QUICK: ScaleSettings = {
  rounds: 1,
  seconds: 0.1,
  warmUpSeconds: 0.1,
  connections: 8,
  held: 64,
  routes: [1, 100],
  credentials: [2],
  lookUps: 100,
}
