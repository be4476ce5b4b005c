import { test } from 'tap'
import { GoodbyeFinder } from '../../../src/upstream/goodbye.js'
import { data, goaway, headers, PREFACE, settings } from '../../support/h2-frames.js'

/** How often it was found, with the bytes in pieces of `size`. */
function found(bytes: Buffer, size: number): number {
  let count = 0
  const finder = new GoodbyeFinder(() => count++)
  for (let at = 0; at < bytes.length; at += size) finder.see(bytes.subarray(at, at + size))
  return count
}

test('RFC 9113 §5.4.1: a GOAWAY with an error is found, wherever the bytes are cut', t => {
  const before = Buffer.concat([settings(3, 100), headers(1, [[':status', '200']]), data(1, goaway(1, 1)), data(1, '')])
  const rows: [string, Buffer, number][] = [
    ['an error', goaway(1, 6), 1],
    ['none', goaway(1, 0), 0],
    ['behind frames that look like one within', Buffer.concat([before, goaway(1, 2)]), 1],
    ['nothing but such frames', before, 0],
    ['a notice, then an error', Buffer.concat([goaway(2 ** 31 - 1, 0), before, goaway(1, 1)]), 1],
    ['of a client', Buffer.concat([Buffer.from(PREFACE), before, goaway(0, 9)]), 1],
  ]
  for (const [name, bytes, wanted] of rows) {
    for (let size = 1; size <= bytes.length; size++)
      t.equal(found(bytes, size), wanted, `${name}, in pieces of ${size}`)
  }
  t.end()
})
