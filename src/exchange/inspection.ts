import { decodeContent } from '../http/content-decoding.js'
import { FirstEvent } from '../http/event-stream.js'
import { type Fields, fieldValue } from '../http/fields.js'
import { type Classification, classifyAnswer, mediaKind } from '../policy/classify.js'
import type { ClassifyRule } from '../policy/idempotency-settings.js'
import type { ResponseHead } from '../wire/events.js'
import { kept } from '../wire/shared-read.js'

/** L7: errors are short. What is longer goes on unread. */
const INSPECTED_MAX = 65_536
/** Of a 402, which may carry the schemas of its extensions. */
export const TERMS_MAX = 1_048_576
/** Compressed, they are shorter still. */
const DECODED_MAX = 1_048_576

/** The answer whose body had to be seen before anything could be decided about it. */
export type Inspected = {
  readonly head: ResponseHead
  readonly classification: Classification | undefined
  readonly chunks: readonly Buffer[]
  /** `undefined` while more is to come. */
  readonly trailers: Fields | undefined
}

/** Looks for an error in an answer's body before the answer is judged: in the whole of a document, in the first event of a stream. */
export class Inspection {
  readonly #rules: readonly ClassifyRule[]
  readonly #method: string
  readonly #done: (inspected: Inspected) => void
  #head: ResponseHead | undefined
  /** Of an event stream. */
  #events: FirstEvent | undefined
  #max = INSPECTED_MAX
  #chunks: Buffer[] = []
  #bytes = 0
  #latest: Pick<Inspected, 'head' | 'classification'> | undefined

  /** @param method of the request */
  constructor(rules: readonly ClassifyRule[], method: string, done: (inspected: Inspected) => void) {
    this.#rules = rules
    this.#method = method
    this.#done = done
  }

  /** @param terms it is read to its end, whatever it is: for what a 402 asks @returns false when there is nothing to look at */
  begin(head: ResponseHead, terms = false): boolean {
    const { framing, fields } = head
    const max = terms ? TERMS_MAX : INSPECTED_MAX
    if (framing.kind === 'none' || (framing.kind === 'length' && framing.length > max)) return false
    this.#max = max
    if (terms) return this.#look(head, false)
    if (this.#rules.length === 0) return false
    const kind = mediaKind(fields)
    // The first event of a compressed stream is not to be had before the stream's end.
    if (kind === undefined || (kind === 'events' && fieldValue(fields, 'content-encoding') !== undefined)) return false
    // One that is listened to answers no call, and may be silent for hours (L11).
    if (kind === 'events' && this.#method === 'GET') return false
    return this.#look(head, kind === 'events')
  }

  #look(head: ResponseHead, stream: boolean): true {
    this.#head = head
    this.#events = stream ? new FirstEvent() : undefined
    return true
  }

  receive(chunk: Buffer): void {
    this.#chunks.push(kept(chunk))
    this.#bytes += chunk.length
    if (this.#events?.receive(chunk)) this.#over(undefined, Buffer.concat(this.#chunks))
    else if (this.#bytes > this.#max) this.#over(undefined, undefined)
  }

  end(trailers: Fields): void {
    if (this.#head === undefined) return
    this.#over(trailers, decodeContent(this.#head.fields, Buffer.concat(this.#chunks), DECODED_MAX))
  }

  /** Nothing more is waited for: what is here goes on unclassified. */
  giveUp(): void {
    this.#over(undefined, undefined)
  }

  /** The answer broke off, or nobody wants it. */
  cancel(): void {
    this.#head = undefined
    this.#chunks = []
    this.#bytes = 0
  }

  /** What an answer was found to be, if it is the latest that was looked at. */
  foundIn(head: ResponseHead): Classification | undefined {
    return this.#latest?.head === head ? this.#latest.classification : undefined
  }

  /** @param body where an error would stand */
  #over(trailers: Fields | undefined, body: Buffer | undefined): void {
    const head = this.#head
    const chunks = this.#chunks
    if (head === undefined) return
    this.cancel()
    const { status, fields } = head
    const classification = body && classifyAnswer({ status, fields, body }, this.#rules)
    this.#latest = { head, classification }
    this.#done({ head, classification, chunks, trailers })
  }
}
