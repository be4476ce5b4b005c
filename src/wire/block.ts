/**
 * Bytes of a block, by what they are for: a body with its head in one read, up to what a shared read brings, and an answer
 * of 64 KiB with its head.
 */
const SIZES = [12_288, 24_576, 49_152, 65_536, 131_072] as const
/** Bytes that wait to serve again, of each size. */
const SPARE_BYTES = 2_097_152

/** A longer chunk fits no block. */
export const BLOCK_MAX = SIZES[SIZES.length - 1] as number
/** A shorter one is cheap to allocate. */
const WORTH = 8_192

const spare: ReadonlyMap<number, Block[]> = new Map(SIZES.map(size => [size, []]))

const sizeFor = (length: number): number | undefined => SIZES.find(size => size >= length)

/**
 * Memory that serves again when nobody needs its bytes any more: allocated anew for each body, it would be most of what
 * the garbage collector has to do. Whoever made it has it; `hold` is one more who does, and each says `release` once.
 */
export class Block {
  static readonly #all = new WeakMap<ArrayBufferLike, Block>()
  readonly bytes: Buffer
  #holders = 1

  private constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size)
    Block.#all.set(this.bytes.buffer, this)
  }

  /** @returns undefined when no block is as long */
  static of(length: number): Block | undefined {
    const size = sizeFor(length)
    return size === undefined ? undefined : (spare.get(size)?.pop()?.hold() ?? new Block(size))
  }

  /** @returns undefined when the chunk lies in other memory */
  static under(chunk: Buffer): Block | undefined {
    return Block.#all.get(chunk.buffer)
  }

  /** How many need what is in it. */
  get holders(): number {
    return this.#holders
  }

  hold(): this {
    this.#holders++
    return this
  }

  /** May be the callback of a write. */
  readonly release = (): void => {
    this.#holders--
    if (this.#holders > 0) return
    const same = spare.get(this.bytes.length)
    if (same !== undefined && same.length * this.bytes.length < SPARE_BYTES) same.push(this)
  }

  /** The chunk's bytes, in here. */
  copyOf(chunk: Uint8Array): Buffer {
    this.bytes.set(chunk)
    return this.bytes.subarray(0, chunk.length)
  }
}

/** The same bytes, to keep until `letGo`; what is in a block of its size stays there. */
export function hold(chunk: Buffer): Buffer {
  const block = Block.under(chunk)
  if (block === undefined) return chunk
  const size = chunk.length < WORTH ? undefined : sizeFor(chunk.length)
  if (size === undefined) return Buffer.from(chunk)
  if (block.bytes.length !== size) return (Block.of(size) as Block).copyOf(chunk)
  block.hold()
  return chunk
}

/** What `hold` returned is not needed any more. */
export const letGo = (held: Buffer): void => Block.under(held)?.release()
