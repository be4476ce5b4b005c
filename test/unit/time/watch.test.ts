import t from 'tap'
import { Watch, type Watched } from '../../../src/time/watch.js'
import { ManualClock } from '../../support/clock.js'

function bench() {
  const clock = new ManualClock()
  const watch = new Watch(clock)
  const fired: string[] = []
  const entry = (name: string, dueAt: number): Watched => {
    const one: Watched = { dueAt, before: undefined, after: undefined, due: () => fired.push(name) }
    one.dueAt += clock.monotonic()
    return one
  }
  return { clock, watch, fired, entry }
}

t.test('what is due is told once its time has come, at most 10 ms late and never early', t => {
  const { clock, watch, fired, entry } = bench()
  const b = entry('b', 200)
  const a: Watched = {
    ...entry('a', 100),
    due: () => {
      fired.push('a')
      watch.remove(a)
    },
  }
  watch.add(b)
  watch.add(a)
  clock.advance(99)
  t.same(fired, [])
  clock.advance(11)
  t.same(fired, ['a'])
  clock.advance(100)
  t.same(fired, ['a', 'b'])
  watch.remove(b)
  t.equal(clock.pending, 0)
  t.end()
})

t.test('a removed entry is never told, wherever it stood in the list', t => {
  for (const gone of [0, 1, 2]) {
    const { clock, watch, fired, entry } = bench()
    const entries = ['a', 'b', 'c'].map(name => entry(name, 50))
    for (const one of entries) watch.add(one)
    watch.remove(entries[gone] as Watched)
    clock.advance(60)
    const left = ['a', 'b', 'c'].filter((_, i) => i !== gone)
    t.same([...new Set(fired)].sort(), left)
    for (const one of entries) watch.remove(one)
    t.equal(clock.pending, 0, 'no timer without entries')
  }
  t.end()
})

t.test('a deadline may move later by itself, and earlier when said', t => {
  const { clock, watch, fired, entry } = bench()
  const a = entry('a', 100)
  watch.add(a)
  a.dueAt += 100
  clock.advance(150)
  t.same(fired, [])
  a.dueAt = clock.monotonic() + 5
  watch.sooner(a)
  clock.advance(20)
  t.same(fired.slice(0, 1), ['a'])
  watch.remove(a)
  watch.sooner(a)
  t.equal(clock.pending, 0)
  t.end()
})

t.test('an entry may remove others while it is told, and they are not told any more', t => {
  const { clock, watch, fired, entry } = bench()
  const b = entry('b', 50)
  const a: Watched = {
    ...entry('a', 50),
    due: () => {
      fired.push('a')
      watch.remove(b)
      watch.remove(a)
    },
  }
  watch.add(b)
  watch.add(a)
  clock.advance(60)
  t.same(fired, ['a'])
  t.end()
})
