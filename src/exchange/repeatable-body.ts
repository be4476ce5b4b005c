import type { Route } from '../config/config.js'
import type { Fields } from '../http/fields.js'
import type { BodyWriter, RequestBody } from '../upstream/dispatch.js'
import { letGo } from '../wire/block.js'
import type { Framing } from '../wire/events.js'
import { held } from '../wire/shared-read.js'
import type { BodyMemory } from './body-memory.js'
import type { ClientBody } from './lane.js'
import type { Services } from './services.js'
import { SpillFile } from './spill-file.js'

export type BodyLimits = {
  /** Bytes kept in memory, then in a file; 0 and 0 keep nothing. */
  readonly memory: number
  readonly spill: number
  /** Where the file goes: a private directory. */
  readonly directory: string
  readonly shared: BodyMemory
}

/** Hears when the client's bytes count as its own time. */
export type UploadWatch = { readonly uploading: () => void; readonly uploadHalted: () => void }

const FILE_READ = 65_536
const NOTHING_KEPT = { memory: 0, spill: 0 }

/** A request body under its route's limits; where nothing could repeat it, nothing is kept. */
export function repeatableBody(
  source: ClientBody,
  framing: Framing,
  route: Route,
  { bodyMemory: shared, spillDirectory: directory }: Services,
  deadlines: UploadWatch,
): RepeatableBody {
  const { memory, spill } =
    route.retry || route.credential !== undefined || route.idempotency || route.payment ? route.body : NOTHING_KEPT
  return new RepeatableBody(source, framing, { memory, spill, shared, directory }, deadlines)
}

/**
 * One body for every attempt (L3, L5): kept while it streams, given from its first byte to each attempt, and then the
 * unread rest of the same client stream. Over the caps it still flows once, but cannot be repeated.
 * The client is read only while an attempt takes what it gives (L4).
 */
export class RepeatableBody implements RequestBody {
  readonly framing: Framing
  /** Bytes read from the client. */
  received = 0
  readonly #source: ClientBody
  readonly #limits: BodyLimits
  readonly #deadlines: UploadWatch
  #kept: Buffer[] = []
  #keptBytes = 0
  #file: SpillFile | undefined
  #keeping: boolean
  #overCap: boolean
  #released = false
  #started = false
  #trailers: Fields | undefined
  #writer: BodyWriter | undefined
  #blocked = false
  /** How far the current attempt has come: chunks from memory, then bytes from the file. */
  #nextChunk = 0
  #filePosition = 0
  #reading = false
  /** Told when the body was read ahead of any attempt; without trailers when not all of it could be kept. */
  #gathered: ((trailers: Fields | undefined) => void) | undefined
  #outgrown = false

  constructor(source: ClientBody, framing: Framing, limits: BodyLimits, deadlines: UploadWatch) {
    this.#source = source
    this.framing = framing
    this.#limits = limits
    this.#deadlines = deadlines
    const keepable = limits.memory + limits.spill
    this.#overCap = keepable > 0 && framing.kind === 'length' && framing.length > keepable
    this.#keeping = keepable > 0 && !this.#overCap
  }

  /** The next attempt can be given the same bytes. */
  get repeatable(): boolean {
    return !this.#started || (this.#keeping && this.#file?.failed !== true)
  }

  /** It was too large to keep: worth saying, where a repeat was wanted. */
  get overCap(): boolean {
    return this.#overCap
  }

  /** Everything was read from the client. */
  get ended(): boolean {
    return this.#trailers !== undefined
  }

  get started(): boolean {
    return this.#started
  }

  /** The attempt takes no more for now: if nothing moves, the upstream is to blame. */
  get blocked(): boolean {
    return this.#blocked
  }

  /**
   * Reads the client's body before any attempt is given it, for as long as it can be kept; attempts get the same bytes.
   * @param see each chunk as it comes @param done told the trailers when that was all of it
   */
  gather(see: (chunk: Buffer) => void, done: (trailers: Fields | undefined) => void): void {
    if (!this.#keeping) return done(undefined)
    this.#gathered = done
    const write = (chunk: Buffer): boolean => {
      see(chunk)
      return true
    }
    const over = (trailers?: Fields) => this.#gatheringOver(trailers)
    this.pour({ write, end: over, fail: () => over() })
  }

  #gatheringOver(trailers: Fields | undefined): void {
    const done = this.#gathered
    this.#gathered = undefined
    if (trailers === undefined) this.halt()
    done?.(trailers)
  }

  pour(into: BodyWriter): void {
    this.#writer = into
    this.#blocked = false
    this.#nextChunk = 0
    this.#filePosition = 0
    if (this.#started) return this.#push()
    this.#started = true
    this.#deadlines.uploading()
    this.#source.start({
      onData: chunk => this.#onData(chunk),
      onEnd: trailers => this.#onEnd(trailers),
    })
  }

  more(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.#push()
  }

  halt(): void {
    this.#writer = undefined
    if (!this.#started || this.ended) return
    this.#source.pause()
    this.#deadlines.uploadHalted()
  }

  /** Nothing will be repeated any more: what was kept is let go; the rest still flows to the current attempt. */
  release(): void {
    this.#released = true
    // An attempt that is still being given kept bytes needs them.
    if (this.#keeping && this.#caughtUp()) this.#drop()
  }

  /** Ends the exchange: nothing is kept or given. */
  close(): void {
    this.#writer = undefined
    this.#drop()
  }

  #drop(): void {
    this.#keeping = false
    this.#limits.shared.give(this.#keptBytes)
    this.#keptBytes = 0
    for (const chunk of this.#kept) letGo(chunk)
    this.#kept = []
    this.#file?.close()
    this.#file = undefined
    this.#nextChunk = 0
    this.#filePosition = 0
  }

  #onData(read: Buffer): void {
    this.received += read.length
    this.#deadlines.uploading()
    const live = this.#caughtUp()
    const chunk = this.#keeping && !(live && this.#released) ? this.#keep(read) : read
    if (this.#file?.lagging) {
      this.#source.pause()
      this.#file.whenIdle(() => this.#push())
    }
    // Last: an attempt may be given the body at once.
    if (this.#outgrown && this.#gathered) return this.#gatheringOver(undefined)
    if (!live) return
    this.#skipKept()
    if (this.#writer !== undefined && !this.#writer.write(chunk)) {
      this.#blocked = true
      this.#source.pause()
    }
  }

  #onEnd(trailers: Fields): void {
    this.#trailers = trailers
    this.#deadlines.uploadHalted()
    if (this.#caughtUp()) this.#finish()
  }

  /** The current attempt has been given everything that is kept. */
  #caughtUp(): boolean {
    return this.#nextChunk >= this.#kept.length && this.#filePosition >= (this.#file?.length ?? 0)
  }

  #skipKept(): void {
    this.#nextChunk = this.#kept.length
    this.#filePosition = this.#file?.length ?? 0
  }

  /** @returns the bytes to pass on */
  #keep(read: Buffer): Buffer {
    const { memory, spill, directory, shared } = this.#limits
    if (this.#file === undefined && this.#keptBytes + read.length <= memory && shared.take(read.length)) {
      const chunk = held(read)
      this.#kept.push(chunk)
      this.#keptBytes += chunk.length
      return chunk
    }
    if (spill > 0) this.#file ??= SpillFile.open(directory)
    if (this.#file === undefined || this.#file.failed || this.#file.length + read.length > spill) {
      if (this.#gathered) this.#keepLast(read)
      else this.#outgrow()
    } else this.#file.append(read)
    return read
  }

  #outgrow(): void {
    this.#overCap = true
    // Bytes that the current attempt was not given yet go with the rest: it cannot be completed.
    if (!this.#caughtUp()) this.#writer?.fail('the request body outgrew what may be kept')
    this.#drop()
  }

  /** The chunk that outgrew the caps while gathering is the first that an attempt will not have kept, but it is not lost. */
  #keepLast(read: Buffer): void {
    if (this.#file) this.#file.append(read)
    else this.#kept.push(held(read))
    this.#outgrown = true
  }

  /** Gives kept bytes until the attempt has enough or has caught up with the client. */
  #push(): void {
    while (this.#writer !== undefined && !this.#blocked && this.#nextChunk < this.#kept.length) {
      this.#blocked = !this.#writer.write(this.#kept[this.#nextChunk++] as Buffer)
    }
    if (this.#writer === undefined || this.#blocked) return
    if (!this.#caughtUp()) return this.#pushFile()
    if (this.#released && this.#keeping) this.#drop()
    if (this.ended) return this.#finish()
    // The file calls back when it has caught up with the client.
    if (this.#file?.lagging) return
    this.#deadlines.uploading()
    this.#source.resume()
  }

  #pushFile(): void {
    if (this.#reading || this.#file === undefined) return
    const writer = this.#writer
    this.#reading = true
    this.#file.read(this.#filePosition, FILE_READ, chunk => {
      this.#reading = false
      if (this.#writer === undefined) return
      // Another attempt took over while this was read: it starts at its own position.
      if (this.#writer !== writer) return this.#push()
      if (chunk === undefined) return this.#writer.fail('the kept request body could not be read back')
      this.#filePosition += chunk.length
      this.#blocked = !this.#writer.write(chunk)
      this.#push()
    })
  }

  #finish(): void {
    const writer = this.#writer
    if (this.#trailers === undefined) return
    this.#writer = undefined
    writer?.end(this.#trailers)
  }
}
