import { test } from 'tap'
import { BLOCK_MAX, Block, hold, letGo } from '../../../src/wire/block.js'

const SIZE = 20_000
/** What a block brought, as a view of it. */
const chunkIn = (block: Block, letter: string): Buffer => block.copyOf(Buffer.alloc(SIZE, letter))

test('a block serves again when the last of its holders has let go, and not before', t => {
  const block = Block.of(SIZE) as Block
  const chunk = chunkIn(block, 'a')
  const ours = hold(chunk)
  t.equal(ours, chunk, 'it is not copied')
  block.release()
  t.not(Block.of(SIZE), block)
  t.equal(ours.toString(), 'a'.repeat(SIZE))
  letGo(ours)
  t.equal(Block.of(SIZE), block)
  t.equal(block.holders, 1)
  t.end()
})

test('what is small beside its block is copied: it would keep memory that is not counted', t => {
  const block = Block.of(BLOCK_MAX) as Block
  block.bytes.fill('b')
  for (const length of [1, 8_191, 8_192, 65_536]) {
    const ours = hold(block.bytes.subarray(0, length))
    t.not(ours.buffer, block.bytes.buffer)
    t.ok(ours.buffer.byteLength <= Math.max(8_192, length * 2), `${length} bytes`)
    t.ok(ours.every(byte => byte === 98))
    letGo(ours)
  }
  t.equal(block.holders, 1)
  t.end()
})

test('other memory is nobody else’s: it is held as it is', t => {
  const chunk = Buffer.alloc(SIZE)
  t.equal(hold(chunk), chunk)
  letGo(chunk)
  t.equal(Block.of(BLOCK_MAX + 1), undefined)
  t.end()
})

test('only 2 MiB of a size wait to serve again', t => {
  const count = 40
  const blocks = Array.from({ length: count }, () => Block.of(BLOCK_MAX) as Block)
  for (const block of blocks) block.release()
  const again = Array.from({ length: count }, () => Block.of(BLOCK_MAX) as Block)
  t.equal(again.filter(block => blocks.includes(block)).length, 2_097_152 / BLOCK_MAX)
  t.end()
})
