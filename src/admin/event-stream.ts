import type { Writable } from 'node:stream'

/** What one reader may leave unread, in characters; beyond it, events are counted and not kept. */
const UNREAD_MAX = 1_048_576

/** One who reads events. */
export class EventStream {
  readonly #to: Writable
  #missed = 0

  constructor(to: Writable) {
    this.#to = to
    // It has read everything: now it can hear how much it missed.
    to.on('drain', () => this.#tellMissed())
  }

  /** Tells them in order; those for which there is no room count as missed. @param lost so many ended besides */
  tell(events: readonly string[], lost: number): void {
    const fit = this.#missed > 0 ? 0 : this.#fitting(events)
    if (fit > 0) this.#to.write(fit === events.length ? events.join('') : events.slice(0, fit).join(''))
    this.#missed += events.length - fit + lost
    if (!this.#to.writableNeedDrain) this.#tellMissed()
  }

  /** What is out of date as soon as there is another one: dropped while it does not read. */
  mention(event: string): void {
    if (this.#fitting([event]) > 0) this.#to.write(event)
  }

  end(): void {
    this.#to.end()
  }

  #fitting(events: readonly string[]): number {
    let room = UNREAD_MAX - this.#to.writableLength
    let count = 0
    for (const { length } of events) {
      room -= length
      if (room < 0) break
      count++
    }
    return count
  }

  #tellMissed(): void {
    if (this.#missed === 0) return
    const count = this.#missed
    this.#missed = 0
    this.#to.write(eventText('missed', { count }))
  }
}

/** As the wire has it (HTML §9.2): JSON has no line ends. @param id what a reader who comes back has seen last */
export const eventText = (event: string, data: unknown, id?: string): string =>
  `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
