import t from 'tap'
import { ConfigError } from '../../../src/config/problems.js'
import { BindError } from '../../../src/listener/doors.js'
import { StoreError } from '../../../src/store/store.js'
import { seconds } from '../../../src/time/units.js'
import { Link, LinkError } from '../../../src/workers/link.js'
import { ManualClock } from '../../support/clock.js'

type Calls = {
  readonly double: (n: number) => number
  readonly fail: (name: string) => void
  readonly hang: (about: undefined) => void
}

const ERRORS: Readonly<Record<string, Error>> = {
  BindError: new BindError('taken'),
  StoreError: new StoreError('unreachable', 'away'),
  ConfigError: new ConfigError([]),
  TypeError: new TypeError('a bug'),
}

function pair() {
  const clock = new ManualClock()
  const near: Link<Calls, Calls> = new Link<Calls, Calls>(message => far.receive(structuredClone(message)), none, clock)
  const far: Link<Calls, Calls> = new Link<Calls, Calls>(message => near.receive(structuredClone(message)), none, clock)
  return { clock, near, far }
}

const none = {
  double: (n: number) => 2 * n,
  fail: (name: string) => {
    throw ERRORS[name] ?? new Error(name)
  },
  hang: () => new Promise<void>(() => undefined),
}

t.test('a question has its own answer, whatever comes between', async t => {
  const { near } = pair()
  t.same(await Promise.all([near.ask('double', 1), near.ask('double', 2)]), [2, 4])
})

t.test('an error arrives as what it was', async t => {
  const { near } = pair()
  await t.rejects(near.ask('fail', 'BindError'), new BindError('taken'))
  const broken = await near.ask('fail', 'StoreError').catch((error: unknown) => error)
  t.ok(broken instanceof StoreError && broken.trouble === 'unreachable')
  t.ok((await near.ask('fail', 'ConfigError').catch((error: unknown) => error)) instanceof ConfigError)
  await t.rejects(near.ask('fail', 'TypeError'), { message: 'a bug' })
})

t.test('a question ends with its time, or with the other process', async t => {
  const { near, clock } = pair()
  const late = near.ask('hang', undefined, seconds(1))
  const never = near.ask('hang', undefined)
  clock.advance(1_000)
  await t.rejects(late, LinkError)
  near.break()
  await t.rejects(never, LinkError)
  await t.rejects(near.ask('double', 1), LinkError)
})
