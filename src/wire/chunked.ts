import type { Fields } from '../http/fields.js'
import type { WireFault } from './events.js'
import { parseFieldLines } from './field-lines.js'
import { SectionBuffer } from './section-buffer.js'

/** All chunk extensions of one message together; they are checked and thrown away (RFC 9112 §7.1.1). */
const EXTENSIONS_MAX = 16_384
/** 16 digits would not fit a double, and no chunk is that long. */
const DIGITS_MAX = 15

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const QUOTED = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'
/** Whitespace is taken after `;` and around `=`; before the first `;` it is refused, as it hides a second size. */
const EXTENSIONS = new RegExp(`^(?:;[ \\t]*${TOKEN}(?:[ \\t]*=[ \\t]*(?:${TOKEN}|${QUOTED}))?)+$`)

const CR = 13
const LF = 10
const SEMICOLON = 0x3b

type Step = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers' | 'ended'

/** The value of a hexadecimal digit; -1 for any other byte. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Decodes one chunked body (RFC 9112 §7.1), strictly and piece by piece. */
export class ChunkedDecoder {
  /** Set when the body is broken; nothing may be read after it. */
  fault: WireFault | undefined
  /** Those that may be passed on; hop-by-hop, framing and routing fields have been dropped (RFC 9110 §6.5.1). */
  trailers: Fields = []
  #step: Step = 'size'
  #digits = 0
  #left = 0
  #extension = ''
  #extensionBytes = 0
  readonly #section: SectionBuffer
  readonly #onData: (data: Buffer) => void

  constructor(trailerBytes: number, onData: (data: Buffer) => void) {
    this.#section = new SectionBuffer(trailerBytes)
    this.#onData = onData
  }

  get ended(): boolean {
    return this.#step === 'ended'
  }

  /** Reads on from `start`. @returns the offset behind what was read: the end of `chunk`, of the body, or a `fault`. */
  read(chunk: Buffer, start: number): number {
    let at = start
    while (at < chunk.length && this.#step !== 'ended' && this.fault === undefined) {
      if (this.#step === 'data') at = this.#data(chunk, at)
      else if (this.#step === 'extension') at = this.#skipExtension(chunk, at)
      else if (this.#step === 'trailers') at = this.#trailers(chunk, at)
      else this.#byte(chunk[at++] as number)
    }
    return at
  }

  #byte(byte: number): void {
    if (this.#step === 'size') this.#size(byte)
    else if (this.#step === 'data-cr') this.#expect(byte, CR, 'data-lf')
    else if (this.#step === 'data-lf') this.#expect(byte, LF, 'size')
    else if (this.#expect(byte, LF, this.#left === 0 ? 'trailers' : 'data')) this.#digits = 0
  }

  #size(byte: number): void {
    const digit = hexDigit(byte)
    if (digit !== -1) {
      this.#left = this.#left * 16 + digit
      this.#digits++
      if (this.#digits > DIGITS_MAX || this.#left > Number.MAX_SAFE_INTEGER) this.#refuse('chunk size too large')
    } else if (this.#digits === 0) this.#refuse('malformed chunk size')
    else if (byte === CR) this.#step = 'size-lf'
    else if (byte === SEMICOLON) this.#startExtension()
    else this.#refuse('malformed chunk size')
  }

  #data(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left)
    this.#left -= end - at
    if (this.#left === 0) this.#step = 'data-cr'
    this.#onData(chunk.subarray(at, end))
    return end
  }

  #startExtension(): void {
    this.#step = 'extension'
    this.#extension = ';'
    this.#extensionBytes++
  }

  #skipExtension(chunk: Buffer, at: number): number {
    const cr = chunk.indexOf(CR, at)
    const end = cr === -1 ? chunk.length : cr
    this.#extensionBytes += end - at
    if (this.#extensionBytes > EXTENSIONS_MAX) {
      this.#refuse(`chunk extensions over ${EXTENSIONS_MAX} bytes`)
      return end
    }
    this.#extension += chunk.toString('latin1', at, end)
    if (cr === -1) return end
    if (EXTENSIONS.test(this.#extension)) this.#step = 'size-lf'
    else this.#refuse('malformed chunk extension')
    return cr + 1
  }

  #trailers(chunk: Buffer, at: number): number {
    const end = this.#section.add(chunk, at)
    this.fault = this.#section.fault
    if (end === -1) return chunk.length
    const fields = parseFieldLines(this.#section.take(), 0)
    if ('section' in fields) {
      this.fault = fields
      return end
    }
    this.trailers = fields
    this.#step = 'ended'
    return end
  }

  #expect(byte: number, wanted: number, next: Step): boolean {
    if (byte === wanted) this.#step = next
    else this.#refuse('line of a chunk does not end in CRLF')
    return byte === wanted
  }

  #refuse(details: string): void {
    this.fault = { name: 'http_protocol_error', details, section: 'RFC 9112 §7.1' }
  }
}
