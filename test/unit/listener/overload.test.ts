import pino from 'pino'
import t from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { Overload } from '../../../src/listener/overload.js'
import { ManualClock } from '../../support/clock.js'

const { limits } = parseConfig('test.yaml', 'limits: { memory: 1GiB }', {}, {}).config

function rig() {
  const clock = new ManualClock()
  const said: string[] = []
  const logger = pino(
    { base: null },
    { write: (line: string) => void said.push((JSON.parse(line) as { msg: string }).msg) },
  )
  const used = { memory: 0, asked: undefined as number | undefined }
  const overload = new Overload(
    clock,
    () => limits,
    logger,
    most => {
      used.asked = most
      return used.memory
    },
  )
  const refusals = (count: number, exchanges = 1) =>
    Array.from({ length: count }, () => overload.refuses(false, { exchanges })).filter(refusal => refusal !== undefined)
  return { clock, said, used, overload, refusals }
}

t.test('with memory short a share of the requests is turned away with the limit by name, and said once', t => {
  const { clock, said, used, overload, refusals } = rig()
  overload.watch(() => undefined)
  used.memory = 0.96
  clock.advance(250)
  t.equal(used.asked, 2 ** 30)
  t.equal(overload.isOn, true)
  t.equal(refusals(10).length, 3)
  t.match(refusals(10)[0], { code: 'overloaded', detail: /limits\.memory/, outcome: 'not-sent', retryAfter: 1_000 })
  clock.advance(10_000)
  t.equal(refusals(100).length, 90)
  used.memory = 0.5
  clock.advance(2_250)
  t.equal(refusals(100).length, 0)
  t.strictSame(said, ['overloaded: requests are turned away', 'no longer overloaded'])
  t.end()
})

t.test('a request that comes alone is let in: what takes the memory is not being given back', t => {
  const { clock, used, overload, refusals } = rig()
  overload.watch(() => undefined)
  used.memory = 2
  clock.advance(10_000)
  t.equal(refusals(50, 0).length, 0)
  t.equal(refusals(50, 1).length, 45)
  t.end()
})

t.test('it looks until it is stopped, and no timer is left afterwards', t => {
  const { clock, used, overload } = rig()
  const told: boolean[] = []
  t.equal(clock.pending, 0)
  overload.watch(closes => void told.push(closes))
  overload.watch(() => t.fail('one is enough'))
  used.memory = 0.96
  clock.advance(500)
  t.strictSame(told, [true, true])
  t.equal(overload.isOn, true)
  overload.stop()
  t.equal(clock.pending, 0)
  t.equal(overload.isOn, false, 'with nobody there nothing is short')
  overload.watch(() => undefined)
  t.equal(clock.pending, 1, 'it begins again')
  t.end()
})

t.test('one connection too many is told so, whatever else is', t => {
  const { overload } = rig()
  t.match(overload.refuses(true, { exchanges: 0 }), { code: 'overloaded', detail: /limits\.connections/ })
  t.end()
})
