import { write, writeSync } from 'node:fs'

/** Lines wait until they fill a block, or this long: a system call per request would cost more than the proxy's own work. */
const BLOCK = 65_536
const FLUSH_EVERY = 100
/** A reader that does not keep up loses lines; the daemon does not lose its memory. */
const BLOCKS_MAX = 128

/**
 * Log lines on their way to a file descriptor: gathered as bytes, in order, and written in the background, one block
 * after the other.
 */
export class LogOutput {
  /** Lines lost because the reader did not keep up. */
  dropped = 0
  readonly #fd: number
  readonly #timer: NodeJS.Timeout
  #block = Buffer.allocUnsafeSlow(BLOCK)
  #used = 0
  /** Full blocks; the first is being written while `#writing`. */
  #full: Buffer[] = []
  #writing = false
  #onIdle: (() => void) | undefined

  constructor(fd: number) {
    this.#fd = fd
    this.#timer = setInterval(() => this.#turnOver(), FLUSH_EVERY).unref()
  }

  write(line: string): void {
    // Three bytes are the most that UTF-8 needs for a UTF-16 unit.
    const most = line.length * 3
    if (this.#used + most > this.#block.length) this.#turnOver(most)
    if (this.#full.length >= BLOCKS_MAX) this.dropped++
    else this.#used += this.#block.write(line, this.#used)
  }

  /** Writes everything now, blocking: for lines that somebody waits for. */
  flushSync(): void {
    const blocks = [...this.#full, this.#block.subarray(0, this.#used)]
    // What is being written in the background is on its way and must not be written twice.
    if (this.#writing) blocks.shift()
    this.#full = this.#full.slice(0, this.#writing ? 1 : 0)
    this.#used = 0
    for (const block of blocks) writeWhole(this.#fd, block)
  }

  /** Resolves when everything is written, or cannot be. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#writing) await new Promise<void>(resolve => (this.#onIdle = resolve))
    this.flushSync()
  }

  #turnOver(needed = 0): void {
    if (this.#used > 0) {
      this.#full.push(this.#block.subarray(0, this.#used))
      this.#block = Buffer.allocUnsafeSlow(Math.max(BLOCK, needed))
      this.#used = 0
    }
    // An empty one may be too short as well.
    if (needed > this.#block.length) this.#block = Buffer.allocUnsafeSlow(needed)
    if (!this.#writing) this.#writeNext()
  }

  #writeNext(): void {
    const [block] = this.#full
    if (block === undefined) return
    this.#writing = true
    write(this.#fd, block, (error, written) => {
      this.#writing = false
      if (!error && written < block.length) this.#full[0] = block.subarray(written)
      else if ((error as NodeJS.ErrnoException | null)?.code !== 'EAGAIN') this.#full.shift()
      // A full pipe is tried again at the next turn; a broken one takes its lines with it.
      if (this.#onIdle !== undefined) this.#onIdle()
      else if (!error) this.#writeNext()
    })
  }
}

/** As much as the descriptor takes: a full pipe or a reader that left must not hold up the end of the process. */
function writeWhole(fd: number, block: Buffer): void {
  let at = 0
  try {
    while (at < block.length) at += writeSync(fd, block, at)
  } catch {
    // There is nobody left to tell.
  }
}
