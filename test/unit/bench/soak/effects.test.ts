import t from 'tap'
import { Effects } from '../../../../src/bench/soak/effects.js'

t.test('a bare request that comes again is a fault only where it may have been done', t => {
  const effects = new Effects()
  t.equal(effects.arrive(1, true), 0)
  effects.refuse(1, true)
  t.equal(effects.arrive(1, true), 1, 'the second try')
  t.equal(effects.bareRepeats, 0, 'the first was refused')
  t.equal(effects.arrive(1, true), 2)
  t.equal(effects.bareRepeats, 1, 'nobody was told what became of the second')
  effects.arrive(2, false)
  effects.arrive(2, false)
  t.equal(effects.bareRepeats, 1, 'what may be repeated may come again')
  t.end()
})

t.test('an effect twice is a fault where once was asked for, and a key does it only once', t => {
  const effects = new Effects()
  effects.apply(1, false)
  effects.apply(1, false)
  t.equal(effects.duplicates, 0)
  effects.apply(2, true)
  effects.apply(2, true)
  t.equal(effects.duplicates, 1)
  effects.apply(3, true, 'key')
  effects.apply(3, true, 'key')
  t.equal(effects.duplicates, 1, 'the upstream knows the key')
  effects.apply(3, true, 'another key')
  t.strictSame([effects.duplicates, effects.otherKeys], [2, 1])
  t.end()
})

t.test('a refused token is no try', t => {
  const effects = new Effects()
  effects.arrive(1, true)
  effects.refuse(1, false)
  t.equal(effects.arrive(1, true), 0)
  t.equal(effects.bareRepeats, 0)
  t.end()
})
