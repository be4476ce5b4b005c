import fc from 'fast-check'
import { test } from 'tap'
import { letGo } from '../../../src/wire/block.js'
import { held, kept, passOn, SHARED_MAX, SharedRead } from '../../../src/wire/shared-read.js'
import { holds as isAlways } from '../../support/property.js'

/** A socket's writing side, as slow as it is told to be. */
class SlowTaker {
  writableLength = 0
  isQuick = false
  /** What it says that it got, once it has. */
  readonly taken: string[] = []
  readonly #waiting: { readonly chunk: Buffer; readonly written: (() => void) | undefined }[] = []
  readonly #untold: ((() => void) | undefined)[] = []

  readonly write = (chunk: Buffer, written?: () => void): boolean => {
    if (this.isQuick && this.#waiting.length === 0) {
      this.taken.push(chunk.toString('latin1'))
      // As `net` does: the bytes are gone at once, and that is told later.
      this.#untold.push(written)
      return true
    }
    this.#waiting.push({ chunk, written })
    this.writableLength += chunk.length
    return this.writableLength < 262_144
  }

  /** Between two reads. */
  tell(): void {
    for (const written of this.#untold.splice(0)) written?.()
  }

  takeOne(): void {
    const first = this.#waiting.shift()
    if (first === undefined) return
    this.writableLength -= first.chunk.length
    this.taken.push(first.chunk.toString('latin1'))
    first.written?.()
  }

  takeAll(): void {
    while (this.#waiting.length > 0) this.takeOne()
    this.tell()
  }
}

const noBug = (): void => undefined

/** What the kernel does with an `onread` buffer. @returns the memory that was read into */
function bring(read: SharedRead, letter: string, length: number): Buffer {
  const memory = read.buffer()
  memory.fill(letter, 0, length)
  read.callback(length, memory)
  return memory
}

/** A reader that passes all on, and has a block of its own. */
function passing(taker: SlowTaker): SharedRead {
  const read = new SharedRead(chunk => passOn(taker, chunk) || true, noBug)
  bring(read, 'A', LARGE)
  taker.takeAll()
  taker.taken.length = 0
  return read
}

const LARGE = 40_000

test('a chunk that is kept is still itself after the next reads, whatever its size', t => {
  const taker = new SlowTaker()
  for (const length of [1, SHARED_MAX, SHARED_MAX + 1, LARGE]) {
    const chunks: { readonly seen: Buffer; readonly kept: Buffer }[] = []
    const read = new SharedRead(chunk => {
      chunks.push({ seen: chunk, kept: kept(chunk) })
      return passOn(taker, chunk) || true
    }, noBug)
    for (const letter of 'abcdef') bring(read, letter, length)
    t.strictSame(
      chunks.map(chunk => chunk.kept.toString('latin1')),
      [...'abcdef'].map(letter => letter.repeat(length)),
      `${length} bytes`,
    )
    taker.takeAll()
    read.close()
  }
  t.end()
})

test('reads go into the same memory again: what nobody kept is overwritten', t => {
  const taker = new SlowTaker()
  taker.isQuick = true
  let seen: Buffer | undefined
  const read = new SharedRead(chunk => {
    seen ??= chunk
    return passOn(taker, chunk) || true
  }, noBug)
  const first = bring(read, 'a', 10)
  t.equal(bring(read, 'b', 10), first)
  t.equal(String(seen), 'b'.repeat(10))
  // The first large one is copied; those behind it have a block of their own, and another while that is being taken.
  t.equal(bring(read, 'c', LARGE), first)
  const own = new Set<Buffer>()
  for (const letter of 'defghijk') {
    own.add(bring(read, letter, LARGE))
    taker.tell()
  }
  t.notOk(own.has(first))
  t.equal(own.size, 2)
  read.close()
  t.end()
})

test('what a socket has not taken is not overwritten until it has', t => {
  const taker = new SlowTaker()
  const read = passing(taker)
  const first = bring(read, 'b', LARGE)
  const second = bring(read, 'c', LARGE)
  t.not(second, first)
  taker.takeAll()
  t.strictSame(taker.taken, ['b'.repeat(LARGE), 'c'.repeat(LARGE)])
  const next = [bring(read, 'd', LARGE), bring(read, 'e', LARGE), bring(read, 'f', LARGE)]
  t.ok(next.includes(first), 'its memory serves again')
  taker.takeAll()
  read.close()
  t.end()
})

test('a chunk that waits behind others takes no whole buffer along', t => {
  const taker = new SlowTaker()
  const read = passing(taker)
  const first = bring(read, 'b', LARGE)
  const second = bring(read, 'c', 10_000)
  t.not(second, first)
  t.equal(bring(read, 'd', 10_000), second)
  t.equal(bring(read, 'e', 10_000), second)
  taker.takeAll()
  t.strictSame(
    taker.taken.map(text => `${text[0]} ${text.length}`),
    ['b 40000', 'c 10000', 'd 10000', 'e 10000'],
  )
  read.close()
  t.end()
})

test('chunks of one read may go to two sockets', t => {
  const takers = [new SlowTaker(), new SlowTaker()] as const
  const read = new SharedRead(chunk => {
    passOn(takers[0], chunk.subarray(0, LARGE))
    return passOn(takers[1], chunk.subarray(LARGE)) || true
  }, noBug)
  bring(read, 'a', 2 * LARGE - 30_000)
  const second = bring(read, 'b', 2 * LARGE)
  takers[1].isQuick = true
  takers[1].takeAll()
  t.not(bring(read, 'c', 2 * LARGE), second)
  for (const taker of takers) taker.takeAll()
  t.strictSame(
    takers[0].taken.map(text => text[0]),
    ['a', 'b', 'c'],
  )
  read.close()
  t.end()
})

test('after many small reads a socket shares again', t => {
  const taker = new SlowTaker()
  taker.isQuick = true
  const read = passing(taker)
  const own = read.buffer()
  for (let i = 0; i < 40; i++) {
    bring(read, 'x', 100)
    taker.tell()
  }
  t.not(read.buffer(), own)
  t.equal(read.buffer(), new SharedRead(() => true, noBug).buffer())
  t.end()
})

test('memory is bounded: only so many sockets have a block of their own, and a closed one gives it back', t => {
  const taker = new SlowTaker()
  taker.isQuick = true
  const shared = new SharedRead(() => true, noBug).buffer()
  const reads = Array.from({ length: 300 }, () => passing(taker))
  const owners = reads.filter(read => read.buffer() !== shared)
  t.equal(owners.length, 256)
  t.equal(new Set(owners.map(read => read.buffer())).size, 256)
  const without = reads.find(read => read.buffer() === shared) as SharedRead
  bring(without, 'y', LARGE)
  t.equal(taker.taken.at(-1), 'y'.repeat(LARGE))
  for (const read of owners) read.close()
  bring(without, 'z', LARGE)
  t.not(without.buffer(), shared)
  for (const read of reads) read.close()
  t.end()
})

test('a large read that is kept, and not passed on from its buffer, needs none', t => {
  const taker = new SlowTaker()
  const read = new SharedRead(chunk => passOn(taker, kept(chunk)) || true, noBug)
  const first = bring(read, 'a', LARGE)
  t.equal(bring(read, 'b', LARGE), first)
  taker.takeAll()
  t.strictSame(taker.taken, ['a'.repeat(LARGE), 'b'.repeat(LARGE)])
  t.end()
})

test('a bug in whoever is told a read ends the socket, as its memory may be waited for', t => {
  const taker = new SlowTaker()
  let isBroken = false
  let ended = 0
  const read = new SharedRead(
    chunk => {
      passOn(taker, chunk)
      if (isBroken) throw new Error('a bug')
      return true
    },
    () => ended++,
  )
  bring(read, 'a', LARGE)
  isBroken = true
  t.throws(() => bring(read, 'b', LARGE), /a bug/)
  t.equal(ended, 1)
  read.close()
  t.end()
})

test('whatever sockets read and take, in any order, each byte arrives once and in its place', t => {
  const step = fc.record({
    reader: fc.nat(4),
    act: fc.constantFrom('read', 'read', 'read', 'take one', 'take all', 'let go', 'quick', 'slow', 'close'),
    length: fc.oneof(fc.integer({ min: 1, max: 65_536 }), fc.constantFrom(1, SHARED_MAX, SHARED_MAX + 1, 65_536)),
    keeps: fc.boolean(),
    holds: fc.boolean(),
  })
  isAlways(
    t,
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      let serial = 0
      let keeps = false
      let holds = false
      const takers = Array.from({ length: 5 }, () => new SlowTaker())
      const wanted: string[][] = takers.map(() => [])
      const keeping: { readonly chunk: Buffer; readonly text: string }[] = []
      const holding: { readonly chunk: Buffer; readonly text: string }[] = []
      const isAsItWas = ({ chunk, text }: (typeof keeping)[number]) => chunk.toString('latin1') === text
      let isSound = true
      const open = (i: number): SharedRead =>
        new SharedRead(chunk => {
          const text = chunk.toString('latin1')
          if (keeps) keeping.push({ chunk: kept(chunk), text })
          const ours = holds ? held(chunk) : chunk
          if (holds) holding.push({ chunk: ours, text })
          passOn(takers[i] as SlowTaker, ours)
          return true
        }, noBug)
      const readers = takers.map((_, i) => open(i))
      for (const { reader, act, length, keeps: isKept, holds: isHeld } of steps) {
        const taker = takers[reader] as SlowTaker
        keeps = isKept
        holds = isHeld
        if (act === 'read') {
          const letter = String.fromCharCode(33 + (serial++ % 200))
          wanted[reader]?.push(letter.repeat(length))
          bring(readers[reader] as SharedRead, letter, length)
          for (const one of takers) one.tell()
        } else if (act === 'let go') {
          const [first] = holding.splice(0, 1)
          isSound &&= first === undefined || isAsItWas(first)
          if (first !== undefined) letGo(first.chunk)
        } else if (act === 'take one') taker.takeOne()
        else if (act === 'take all') taker.takeAll()
        else if (act === 'close') {
          readers[reader]?.close()
          readers[reader] = open(reader)
        } else taker.isQuick = act === 'quick'
      }
      for (const taker of takers) taker.takeAll()
      for (const read of readers) read.close()
      const isWhole = takers.every((taker, i) => taker.taken.join('') === wanted[i]?.join(''))
      return isWhole && isSound && [...keeping, ...holding].every(isAsItWas)
    }),
  )
  t.end()
})
