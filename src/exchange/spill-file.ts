import { randomBytes } from 'node:crypto'
import { close, closeSync, openSync, read, unlinkSync, write } from 'node:fs'
import { join } from 'node:path'

const UNWRITTEN_MAX = 1_048_576

/** Memory that waits to be written from: a long body would leave as much garbage as it has bytes. */
const spare: Buffer[] = []
const SPARE_MAX = 16
/** What one read brings at most. */
const BLOCK = 131_072

const newBlock = (): Buffer => Buffer.allocUnsafeSlow(BLOCK)

/**
 * A private file (0600, unlinked while open, so that nothing of it outlives the process) for the part of a request
 * body that memory may not keep. Appends are written in order and in the background; reads wait for them.
 */
export class SpillFile {
  readonly #fd: number
  /** Bytes appended, written or not. */
  #length = 0
  #pending = 0
  #unwritten = 0
  #failed = false
  #closed = false
  #idleCallbacks: (() => void)[] = []

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** @returns undefined when the directory does not take a file: the body then cannot be kept, but still flows. */
  static open(directory: string): SpillFile | undefined {
    try {
      const path = join(directory, `body-${randomBytes(8).toString('hex')}`)
      const fd = openSync(path, 'wx+', 0o600)
      try {
        unlinkSync(path)
      } catch {
        closeSync(fd)
        return undefined
      }
      return new SpillFile(fd)
    } catch {
      return undefined
    }
  }

  get length(): number {
    return this.#length
  }

  /** A write failed (disk full): what was appended cannot be read back. */
  get failed(): boolean {
    return this.#failed
  }

  /** So much is appended and not yet written that more would use the memory which the file is there to save. */
  get lagging(): boolean {
    return this.#unwritten > UNWRITTEN_MAX
  }

  /** Calls back once, when nothing is being written or read. */
  whenIdle(then: () => void): void {
    if (this.#pending > 0) this.#idleCallbacks.push(then)
    else then()
  }

  /** @param chunk is copied */
  append(chunk: Buffer): void {
    const at = this.#length
    this.#length += chunk.length
    this.#unwritten += chunk.length
    this.#pending++
    const block = chunk.length > BLOCK ? Buffer.allocUnsafeSlow(chunk.length) : (spare.pop() ?? newBlock())
    chunk.copy(block)
    this.#write(block, 0, chunk.length, at)
  }

  /** Up to `bytes` from `position`; `undefined` when they cannot be read. */
  read(position: number, bytes: number, done: (chunk: Buffer | undefined) => void): void {
    if (this.#pending > 0) return this.whenIdle(() => this.read(position, bytes, done))
    if (this.#failed || this.#closed) return done(undefined)
    const chunk = Buffer.allocUnsafe(Math.min(bytes, this.#length - position))
    this.#pending++
    read(this.#fd, chunk, 0, chunk.length, position, (error, count) => {
      this.#settled()
      done(error || count === 0 ? undefined : chunk.subarray(0, count))
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#pending === 0) close(this.#fd, () => undefined)
  }

  #write(block: Buffer, from: number, length: number, at: number): void {
    write(this.#fd, block, from, length, at, (error, written) => {
      this.#unwritten -= error ? length : written
      if (!error && written < length) return this.#write(block, from + written, length - written, at + written)
      if (error) this.#failed = true
      if (block.length === BLOCK && spare.length < SPARE_MAX) spare.push(block)
      this.#settled()
    })
  }

  #settled(): void {
    this.#pending--
    if (this.#pending > 0) return
    if (this.#closed) close(this.#fd, () => undefined)
    for (const waiting of this.#idleCallbacks.splice(0)) waiting()
  }
}
