import t from 'tap'
import { KEYED_SUITE } from '../../../src/bench/keyed-suite.js'
import { median } from '../../../src/bench/measure.js'
import { PLAIN_SUITE } from '../../../src/bench/plain-suite.js'
import { targetsOf } from '../../../src/bench/targets.js'

t.test('the median is the value in the middle', t => {
  const rows: [number[], number][] = [
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[10, 9], 9.5],
    [[7], 7],
  ]
  for (const [values, middle] of rows) t.equal(median(values), middle, String(values))
  t.end()
})

t.test('a target is met at its bound, missed above it and skipped without a figure', t => {
  const cell = (
    candidate: 'nginx' | 'http-proxy' | 'mulligan, retry' | 'mulligan, pass-through',
    cpuMicros: number | undefined,
  ) => ({
    workload: 'GET 1 KiB',
    candidate,
    requestsPerSecond: 1,
    cpuMicros,
    medianMicros: 1,
  })
  const met = (nginx: number | undefined, peer: number, pass: number) =>
    targetsOf(
      [
        cell('nginx', nginx),
        cell('http-proxy', peer),
        cell('mulligan, pass-through', pass),
        cell('mulligan, retry', 100),
      ],
      PLAIN_SUITE.bounds,
    ).map(target => target.met)
  t.strictSame(met(25, 200, 100), [true, true, true])
  t.strictSame(met(24, 199, 90), [false, false, false])
  t.strictSame(met(undefined, 200, 100), [undefined, true, true])
  t.end()
})

t.test('what may take longer is told in milliseconds', t => {
  const cell = (candidate: 'mulligan, retry' | 'mulligan, new key', medianMicros: number) => ({
    workload: 'POST 1 KiB, one at a time',
    candidate,
    requestsPerSecond: 1,
    cpuMicros: undefined,
    medianMicros,
  })
  const target = (keyed: number) =>
    targetsOf([cell('mulligan, retry', 500), cell('mulligan, new key', keyed)], KEYED_SUITE.bounds)[1]
  t.match(target(800), { value: 0.3, met: true })
  t.match(target(810), { value: 0.31, met: false })
  t.equal(targetsOf([cell('mulligan, new key', 800)], KEYED_SUITE.bounds)[1]?.met, undefined)
  t.end()
})
