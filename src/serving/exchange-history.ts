import type { AttemptRecord, ExchangeRecord } from '../exchange/record.js'
import type { Fields } from '../http/fields.js'
import { isHintField } from '../http/hint.js'

/** So many exchanges are remembered. */
export const REMEMBERED = 1_000
/** In characters, what clients and upstreams say in one: longer ones are cut, so that all stay below some 8 MiB. */
const LENGTH_MAX = 8_192
/** Of those that are cut. */
const TEXT_KEPT = 1_024
const HINTS_KEPT = 32
const HINT_KEPT = 128

type Watcher = (record: ExchangeRecord) => void

/** The latest exchanges, and who wants to hear of the next ones. Remembering one writes a pointer. */
export class ExchangeHistory {
  readonly #ring: ExchangeRecord[] = []
  #next = 0
  #watchers: readonly Watcher[] = []

  /** Runs for every request. */
  readonly add = (record: ExchangeRecord): void => {
    this.#ring[this.#next] = lengthOf(record) > LENGTH_MAX ? cut(record) : record
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

function lengthOf({ host, path, fields, attempts }: ExchangeRecord): number {
  let length = host.length + path.length + lengthOfAll(fields)
  for (const { refused } of attempts) if (refused !== undefined) length += lengthOfAll(refused)
  return length
}

function lengthOfAll(fields: Fields): number {
  let length = 0
  for (const text of fields) length += text.length
  return length
}

const cut = (record: ExchangeRecord): ExchangeRecord => ({
  ...record,
  host: cutText(record.host),
  path: cutText(record.path),
  fields: [],
  attempts: record.attempts.map(cutAttempt),
})

/** Encoded anew: a slice would keep the whole text alive. */
const cutText = (text: string): string =>
  text.length > TEXT_KEPT ? `${Buffer.from(text.slice(0, TEXT_KEPT)).toString()}…` : text

const cutAttempt = (attempt: AttemptRecord): AttemptRecord =>
  attempt.refused === undefined ? attempt : { ...attempt, refused: hintsIn(attempt.refused) }

function hintsIn(fields: Fields): Fields {
  const hints: string[] = []
  for (let i = 0; i < fields.length && hints.length < 2 * HINTS_KEPT; i += 2) {
    const [name, value] = [fields[i] as string, fields[i + 1] as string]
    if (name.length + value.length <= HINT_KEPT && isHintField(name)) hints.push(name, value)
  }
  return hints
}
