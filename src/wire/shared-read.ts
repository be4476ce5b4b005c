import { BLOCK_MAX, Block, hold } from './block.js'

/** Reads of up to this many bytes are small: most answers are, and pass through without memory of their own. */
export const SHARED_MAX = 8_192

/** What all sockets read into until they have blocks of their own. */
const SHARED_BYTES = 65_536
/** Sockets that have a block of their own; the others go on with the shared one, and what is large is copied. */
const OWNERS_MAX = 256
/** After so many small reads in a row a block of its own is given back. */
const SMALL_MAX = 32
/** A socket whose reads are shorter needs no block of its own. */
const OWN_MIN = 32_768

/** Where chunks are passed on to: a socket. */
type Taker = {
  readonly write: (chunk: Buffer, written?: () => void) => boolean
  readonly writableLength: number
}

/** A read is handled before the next begins, and what is kept is copied. It saves an allocation of 64 KiB for each read. */
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES)

/** The same bytes, safe to keep beyond the call that brought them: the next read may overwrite a chunk. */
export const kept = (chunk: Buffer): Buffer =>
  chunk.buffer === shared.buffer || Block.under(chunk) !== undefined ? Buffer.from(chunk) : chunk

/** As `kept`, in memory that serves again. @returns what `letGo` wants when it is not needed any more */
export const held = (chunk: Buffer): Buffer => (chunk.buffer === shared.buffer ? Buffer.from(chunk) : hold(chunk))

/**
 * Writes a chunk without a copy: its block is not overwritten until the socket has taken it.
 * @returns what `write` returned
 */
export function passOn(to: Taker, chunk: Buffer): boolean {
  if (chunk.buffer === shared.buffer) return to.write(Buffer.from(chunk))
  const block = Block.under(chunk)
  if (block === undefined) return to.write(chunk)
  // What has to wait would keep a whole block for a few bytes.
  if (to.writableLength > 0 && chunk.length * 4 < block.bytes.length) return to.write(Buffer.from(chunk))
  block.hold()
  return to.write(chunk, block.release)
}

let owners = 0

/**
 * How one socket reads, for the `onread` option of `net`: into the shared buffer while its reads are small, and from
 * the first large one into a block that is not overwritten while somebody has bytes of it.
 */
export class SharedRead {
  readonly #receive: (chunk: Buffer) => boolean
  readonly #destroy: () => void
  #own: Block | undefined
  #small = 0
  #isClosed = false

  /**
   * @param receive is told each read, and says whether to read on; the chunk is good until it returns, and longer for
   * whoever asked `kept`, `held` or `passOn`
   * @param destroy ends the socket: after a bug in `receive` it does not hear of the next buffer
   */
  constructor(receive: (chunk: Buffer) => boolean, destroy: () => void) {
    this.#receive = receive
    this.#destroy = destroy
  }

  /** What the next read goes into. */
  readonly buffer = (): Buffer => this.#own?.bytes ?? shared

  readonly callback = (length: number, buffer: Uint8Array): boolean => {
    const read = (buffer as Buffer).subarray(0, length)
    if (this.#own !== undefined) return this.#handle(this.#own, read)
    return length <= SHARED_MAX ? this.#receive(read) : this.#handleCopy(read)
  }

  /** The socket is closed. */
  readonly close = (): void => {
    this.#isClosed = true
    this.#giveUp()
  }

  /** A read of the shared buffer that a socket may not take at once. */
  #handleCopy(read: Buffer): boolean {
    const block = Block.of(read.length) as Block
    const more = this.#receive(block.copyOf(read))
    if (block.holders > 1 && read.length >= OWN_MIN && owners < OWNERS_MAX && !this.#isClosed) {
      owners++
      this.#small = 0
      this.#own = Block.of(BLOCK_MAX)
    }
    block.release()
    return more
  }

  #handle(own: Block, read: Buffer): boolean {
    own.hold()
    try {
      const more = this.#receive(read)
      this.#small = read.length > SHARED_MAX ? 0 : this.#small + 1
      if (this.#small > SMALL_MAX) this.#giveUp()
      else if (this.#own === own && own.holders > 2) this.#change(own)
      return more
    } catch (error) {
      this.#destroy()
      throw error
    } finally {
      own.release()
    }
  }

  /** What was lent is told as taken later than the next read begins. */
  #change(own: Block): void {
    this.#own = Block.of(BLOCK_MAX)
    own.release()
  }

  #giveUp(): void {
    if (this.#own === undefined) return
    owners--
    this.#own.release()
    this.#own = undefined
  }
}
