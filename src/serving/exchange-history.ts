import type { ExchangeRecord } from '../exchange/record.js'
import type { Fields } from '../http/fields.js'

/** So many exchanges are remembered. */
const REMEMBERED = 1_000
/** Request fields longer than this in all, in characters, are not: the memory of all of them stays below 8 MiB. */
const FIELDS_MAX = 8_192

type Watcher = (record: ExchangeRecord) => void

/** The latest exchanges, and who wants to hear of the next ones. Remembering one writes a pointer. */
export class ExchangeHistory {
  readonly #ring: ExchangeRecord[] = []
  #next = 0
  #watchers: readonly Watcher[] = []

  /** Runs for every request. */
  readonly add = (record: ExchangeRecord): void => {
    this.#ring[this.#next] = isLong(record.fields) ? { ...record, fields: [] } : record
    this.#next = (this.#next + 1) % REMEMBERED
    for (const watcher of this.#watchers) watcher(record)
  };

  /** The newest first. */
  *latest(): Iterable<ExchangeRecord> {
    const count = this.#ring.length
    for (let back = 1; back <= count; back++) {
      const record = this.#ring[(this.#next - back + count) % count]
      if (record !== undefined) yield record
    }
  }

  /** @returns ends it */
  watch(watcher: Watcher): () => void {
    this.#watchers = [...this.#watchers, watcher]
    return () => {
      this.#watchers = this.#watchers.filter(other => other !== watcher)
    }
  }
}

function isLong(fields: Fields): boolean {
  let length = 0
  for (const text of fields) length += text.length
  return length > FIELDS_MAX
}
