import { randomBytes } from 'node:crypto'
import { close, closeSync, openSync, read, unlinkSync, write } from 'node:fs'
import { join } from 'node:path'
import { Block, letGo } from '../wire/block.js'

const UNWRITTEN_MAX = 1_048_576

/** Memory that serves again: a long body would leave as much garbage as it has bytes. */
const blockFor = (length: number): Buffer =>
  Block.of(length)?.bytes.subarray(0, length) ?? Buffer.allocUnsafeSlow(length)

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
    const block = blockFor(chunk.length)
    chunk.copy(block)
    this.#write(block, at)
  }

  /** Up to `bytes` from `position`, good until `done` returns; `undefined` when they cannot be read. */
  read(position: number, bytes: number, done: (chunk: Buffer | undefined) => void): void {
    if (this.#pending > 0) return this.whenIdle(() => this.read(position, bytes, done))
    if (this.#failed || this.#closed) return done(undefined)
    const block = blockFor(Math.min(bytes, this.#length - position))
    this.#pending++
    read(this.#fd, block, 0, block.length, position, (error, count) => {
      this.#settled()
      done(error || count === 0 ? undefined : block.subarray(0, count))
      letGo(block)
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#pending === 0) close(this.#fd, () => undefined)
  }

  #write(chunk: Buffer, at: number): void {
    write(this.#fd, chunk, 0, chunk.length, at, (error, written) => {
      this.#unwritten -= error ? chunk.length : written
      if (!error && written < chunk.length) return this.#write(chunk.subarray(written), at + written)
      if (error) this.#failed = true
      letGo(chunk)
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
