import type { WireFault } from './events.js'

const CR = 13
const LF = 10

/**
 * A head or trailer section that does not arrive in one piece. Bytes are copied (the caller may reuse its buffer),
 * looked at once, and refused as soon as no valid section can begin like this: a peer that sends bare LFs is told so
 * now, not when its time is up.
 */
export class SectionBuffer {
  fault: WireFault | undefined
  #text = ''
  #size = 0
  #last = LF
  #lineLength = 0
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes kept so far. */
  get size(): number {
    return this.#size
  }

  /** Takes bytes of `chunk` from `start`. @returns the offset behind the empty line, or -1: more is needed, or `fault`. */
  add(chunk: Buffer, start: number): number {
    const left = this.#maxBytes - this.#size
    const limit = Math.min(chunk.length, start + left)
    const end = this.#scan(chunk, start, limit)
    if (this.fault !== undefined) return -1
    if (end === -1 && limit < chunk.length) {
      return this.#refuse('http_response_header_section_size', `over ${this.#maxBytes} bytes`, 'RFC 9110 §5.4')
    }
    const stop = end === -1 ? limit : end
    this.#text += chunk.toString('latin1', start, stop)
    this.#size += stop - start
    return end
  }

  /** What has arrived so far. */
  get text(): string {
    return this.#text
  }

  /** The finished section; the buffer is empty afterwards. */
  take(): string {
    const text = this.#text
    this.#text = ''
    this.#size = 0
    this.#last = LF
    return text
  }

  #scan(chunk: Buffer, start: number, limit: number): number {
    for (let i = start; i < limit; i++) {
      const byte = chunk[i] as number
      if (byte === LF) {
        if (this.#last !== CR) return this.#refuse('http_protocol_error', 'bare LF', 'RFC 9112 §2.2')
        if (this.#lineLength === 0) return i + 1
        this.#lineLength = 0
      } else if (this.#last === CR) {
        return this.#refuse('http_protocol_error', 'bare CR', 'RFC 9112 §2.2')
      } else if (byte !== CR) {
        if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) {
          return this.#refuse('http_protocol_error', 'control byte in a field', 'RFC 9110 §5.5')
        }
        this.#lineLength++
      }
      this.#last = byte
    }
    return -1
  }

  #refuse(name: WireFault['name'], details: string, section: string): -1 {
    this.fault = { name, details, section }
    return -1
  }
}
