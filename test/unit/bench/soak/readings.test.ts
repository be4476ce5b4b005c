import t from 'tap'
import { ContentCheck, contentOf } from '../../../../src/bench/soak/content.js'
import { growth, slopeOf } from '../../../../src/bench/soak/readings.js'

t.test('growth names what is more than it was, and nothing else', t => {
  t.strictSame(growth({ socket: 3, file: 2, pipe: 1 }, { socket: 4, file: 1, timer: 2 }), { socket: 1, timer: 2 })
  t.end()
})

t.test('a slope is of all points, and needs three', t => {
  const point = (count: number, value: number) => ({ count, value })
  t.equal(slopeOf([point(1, 1), point(2, 2)]), undefined)
  t.equal(slopeOf([point(0, 5), point(10, 25), point(20, 45)]), 2)
  t.equal(slopeOf([point(7, 1), point(7, 2), point(7, 3)]), undefined, 'nothing was counted in between')
  t.end()
})

t.test('content is known by every byte, in whatever pieces it comes', t => {
  const whole = contentOf(12_345, 100)
  for (const size of [1, 7, 16, 33, 100]) {
    const check = new ContentCheck(12_345)
    for (let at = 0; at < whole.length; at += size) check.feed(whole.subarray(at, at + size))
    t.strictSame([check.length, check.matches], [100, true], `pieces of ${size}`)
  }
  const other = new ContentCheck(12_346)
  other.feed(whole)
  t.notOk(other.matches, "somebody else's")
  const shifted = new ContentCheck(12_345)
  shifted.feed(whole.subarray(1))
  t.notOk(shifted.matches, 'a byte is missing')
  t.end()
})
