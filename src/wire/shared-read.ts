/** Reads of up to this many bytes are small: most answers are, and pass through without memory of their own. */
export const SHARED_MAX = 8_192

/** What all sockets read into until they have buffers of their own. */
const SHARED_BYTES = 65_536
/** Holds an answer of 64 KiB with its head, so that it is one read. */
const OWN_BYTES = 131_072
/** Sockets that have a buffer of their own; the others go on with the shared one, and what is large is copied. */
const OWNERS_MAX = 256
/** Buffers that wait for an owner. */
const SPARE_MAX = 16
/** After so many small reads in a row a buffer of its own is given back. */
const SMALL_MAX = 32
/** A shorter chunk that has to wait is copied: it would keep a whole buffer. What is shorter needs no buffer of its own either. */
const LENT_MIN = 32_768

/** Where chunks are passed on to: a socket. */
type Taker = {
  readonly write: (chunk: Buffer, written?: () => void) => boolean
  readonly writableLength: number
}

/** The buffer whose bytes are being handled now. */
let reading: OwnBuffer | undefined
/** A large read that was copied, while it is handled, until somebody keeps it. */
let copied: Buffer | undefined
/** It was passed on: with a buffer of its own, the socket's next reads need no copy. */
let isThrough = false

const isLendable = (chunk: Buffer): boolean => reading !== undefined && chunk.buffer === reading.bytes.buffer

/** The same bytes, safe to keep beyond the call that brought them: the next read may overwrite a chunk. */
export function kept(chunk: Buffer): Buffer {
  if (chunk.buffer === shared.buffer || isLendable(chunk)) return Buffer.from(chunk)
  if (chunk.buffer === copied?.buffer) copied = undefined
  return chunk
}

/**
 * Writes a chunk without a copy. What the taker has not taken when the read is over keeps its memory until it has.
 * @returns what `write` returned
 */
export function passOn(to: Taker, chunk: Buffer): boolean {
  if (chunk.buffer === shared.buffer) return to.write(Buffer.from(chunk))
  if (reading !== undefined && isLendable(chunk)) {
    const mustWait = to.writableLength > 0
    return mustWait && chunk.length < LENT_MIN ? to.write(Buffer.from(chunk)) : reading.lend(to, chunk)
  }
  if (chunk.buffer === copied?.buffer) isThrough = true
  return to.write(chunk)
}

/** One socket's read buffer, and what of it is with other sockets. */
class OwnBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(OWN_BYTES)
  #unwritten = 0
  #taker: Taker | undefined
  #isWaitedFor = false
  #isLeft = false
  readonly #written = (): void => {
    this.#unwritten--
    this.#spare()
  }

  lend(to: Taker, chunk: Buffer): boolean {
    if (this.#taker !== undefined && this.#taker !== to) this.settle()
    this.#taker = to
    this.#unwritten++
    return to.write(chunk, this.#written)
  }

  /** The read is over. @returns false when a socket has not taken all that was lent to it: this memory is its until then */
  settle(): boolean {
    // What is taken at once is told later: the callback alone would come too late for the next read.
    if (this.#taker !== undefined && this.#taker.writableLength > 0) this.#isWaitedFor = true
    this.#taker = undefined
    return !this.#isWaitedFor
  }

  /** Nothing is read into it any more. */
  leave(): void {
    this.#isLeft = true
    this.#spare()
  }

  /** Whose bytes have all left serves again. */
  #spare(): void {
    if (!this.#isLeft || this.#unwritten > 0) return
    this.#isLeft = false
    this.#isWaitedFor = false
    if (spare.length < SPARE_MAX) spare.push(this)
  }
}

const spare: OwnBuffer[] = []
let owners = 0
/** A read is handled before the next begins, and what is kept is copied. It saves an allocation of 64 KiB for each read. */
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES)

const nextBuffer = (): OwnBuffer => spare.pop() ?? new OwnBuffer()

/**
 * How one socket reads, for the `onread` option of `net`: into the shared buffer while its reads are small, and from
 * the first large one into a buffer that is not overwritten while another socket has bytes of it.
 */
export class SharedRead {
  readonly #receive: (chunk: Buffer) => boolean
  readonly #destroy: () => void
  #own: OwnBuffer | undefined
  #small = 0
  #isClosed = false

  /**
   * @param receive is told each read, and says whether to read on; the chunk is good until it returns, and longer for
   * whoever asked `kept` or `passOn`
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
    return length <= SHARED_MAX ? this.#receive(read) : this.#handleCopy(Buffer.from(read))
  }

  /** The socket is closed. */
  readonly close = (): void => {
    this.#isClosed = true
    if (reading !== this.#own) this.#giveUp()
  }

  /** A read of the shared buffer that a socket may not take at once. */
  #handleCopy(copy: Buffer): boolean {
    copied = copy
    isThrough = false
    const more = this.#receive(copy)
    copied = undefined
    if (isThrough && copy.length >= LENT_MIN && owners < OWNERS_MAX && !this.#isClosed) {
      owners++
      this.#small = 0
      this.#own = nextBuffer()
    }
    return more
  }

  #giveUp(): void {
    if (this.#own === undefined) return
    owners--
    this.#own.leave()
    this.#own = undefined
  }

  #handle(own: OwnBuffer, read: Buffer): boolean {
    reading = own
    try {
      const more = this.#receive(read)
      this.#settle(own, read.length)
      return more
    } catch (error) {
      this.#destroy()
      throw error
    } finally {
      reading = undefined
    }
  }

  #settle(own: OwnBuffer, length: number): void {
    const isFree = own.settle()
    this.#small = length > SHARED_MAX ? 0 : this.#small + 1
    if (this.#isClosed || this.#small > SMALL_MAX) return this.#giveUp()
    if (isFree) return
    own.leave()
    this.#own = nextBuffer()
  }
}
