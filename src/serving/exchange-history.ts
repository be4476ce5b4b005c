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

/** So many in a second of those that nobody will ask about: at such a rate the others are gone before anybody can look. */
const PLAIN_PER_SECOND = REMEMBERED
const SECOND = 1_000

type Watcher = (record: ExchangeRecord) => void

/** The latest exchanges, and who wants to hear of the next ones. */
export class ExchangeHistory {
  readonly #ring: ExchangeRecord[] = []
  #next = 0
  /** The second that plain ones are counted in: monotonic milliseconds. */
  #since = Number.NEGATIVE_INFINITY
  #plain = 0
  #watchers: readonly Watcher[] = []

  /** Runs for every request. */
  readonly add = (record: ExchangeRecord): void => {
    if (!isPlain(record) || this.#hasRoom(record.endedAt)) {
      this.#ring[this.#next] = lengthOf(record) > LENGTH_MAX ? cut(record) : copy(record)
      this.#next = (this.#next + 1) % REMEMBERED
    }
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

  #hasRoom(now: number): boolean {
    if (now - this.#since >= SECOND) {
      this.#since = now
      this.#plain = 0
    }
    return ++this.#plain <= PLAIN_PER_SECOND
  }

  /** @returns ends it */
  watch(watcher: Watcher): () => void {
    this.#watchers = [...this.#watchers, watcher]
    return () => {
      this.#watchers = this.#watchers.filter(other => other !== watcher)
    }
  }
}

/** Its upstream gave it at once what it asked for, and that was all. */
const isPlain = ({ status, end, attempts, key, spend }: ExchangeRecord): boolean =>
  status < 400 && end === undefined && attempts.length === 1 && key === undefined && spend === undefined

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

/**
 * Not the record itself: V8 makes what it finds to live long among the old objects from then on, also where it is thrown
 * away at once, and there it keeps young ones alive.
 */
const copy = (record: ExchangeRecord): ExchangeRecord => ({
  ...record,
  fields: [...record.fields],
  attempts: record.attempts.map(attempt => ({ ...attempt })),
})

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
