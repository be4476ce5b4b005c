import type { DiskEvent } from './disk-recording.js'
import { Testimony } from './witness.js'

type Write = Extract<DiskEvent, { kind: 'write' }>

/** Which of the sectors that nobody flushed the disk has, all of one size in bytes; `grows`: also the length of the rest. */
export type Loss = { readonly sector: number; readonly has: () => boolean; readonly grows: boolean }

/** A simulated disk: plays a recording, and tells at each write what a loss of power may leave of the file. */
export class Disk {
  readonly testimony = new Testimony()
  /** Of the last acknowledged state when everything was flushed last. */
  flushedState = 0
  #isThere = false
  #durable: Buffer = Buffer.alloc(0)
  #pending: Write[] = []
  /** The last one may be under way: also of one that is synced by itself, any part may be there. */
  #latest: Write | undefined

  /** @returns whether this was another moment at which the power may fail */
  play(event: DiskEvent): boolean {
    // Whatever comes next, the write before it is over.
    this.#settle()
    switch (event.kind) {
      case 'made':
        this.#isThere = true
        return true
      case 'said':
        this.testimony.hear(event.word)
        return false
      case 'sync':
        for (const write of this.#pending.splice(0)) this.#durable = written(this.#durable, write.at, write.data)
        return this.#isThere
      case 'write':
        this.#latest = event
        return this.#isThere
    }
  }

  /** As the kernel has it: what `kill -9` leaves. */
  whole(): Buffer {
    return this.after({ sector: 1, has: () => true, grows: true })
  }

  after(loss: Loss): Buffer {
    let image: Buffer = Buffer.from(this.#durable)
    for (const { at, data } of [...this.#pending, ...(this.#latest ? [this.#latest] : [])]) {
      if (loss.sector === 1) image = written(image, at, data)
      else image = partly(image, at, data, loss)
    }
    return image
  }

  #settle(): void {
    const { testimony } = this
    if (this.#latest === undefined) return
    if (this.#latest.synced) this.#durable = written(this.#durable, this.#latest.at, this.#latest.data)
    else this.#pending.push(this.#latest)
    if (this.#pending.length === 0) this.flushedState = testimony.acknowledged
    this.#latest = undefined
  }
}

function partly(image: Buffer, at: number, data: Buffer, { sector, has, grows }: Loss): Buffer {
  let changed = grows ? sized(image, at + data.length) : image
  for (let from = 0; from < data.length; ) {
    const to = Math.min(data.length, from + sector - ((at + from) % sector))
    if (has()) changed = written(changed, at + from, data.subarray(from, to))
    from = to
  }
  return changed
}

function written(image: Buffer, at: number, data: Buffer): Buffer {
  const changed = sized(image, at + data.length)
  data.copy(changed, at)
  return changed
}

/** No shorter than `length`; a file grows by zeros. */
function sized(image: Buffer, length: number): Buffer {
  return image.length >= length ? image : Buffer.concat([image, Buffer.alloc(length - image.length)])
}
