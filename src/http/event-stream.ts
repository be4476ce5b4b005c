const LF = 0x0a
const CR = 0x0d
const BOM = Buffer.from('\uFEFF')

/**
 * The data of each event that `buffer` holds whole, in order (HTML Standard §9.2.6). Its lines are joined; comments,
 * other fields and events without data, with which some servers open a stream, are passed over.
 */
export function* eventData(buffer: Buffer): Generator<Buffer> {
  let data: Buffer[] = []
  let at = buffer.subarray(0, 3).equals(BOM) ? 3 : 0
  for (let end = lineEnd(buffer, at); end >= 0; end = lineEnd(buffer, at)) {
    const line = buffer.subarray(at, end)
    at = afterLine(buffer, end)
    if (line.length > 0) {
      const value = dataOf(line)
      if (value !== undefined) data.push(value)
      continue
    }
    const joined = joinLines(data)
    data = []
    if (joined.length > 0) yield joined
  }
}

/** The beginning of a line, as far as it matters: a byte order mark, `data:`, a space and one byte more. */
const TOLD_BY = 10

/** Tells when the first event with data is whole, in a stream that comes in pieces: no byte is looked at twice. */
export class FirstEvent {
  #line: string | undefined
  #isFirstLine = true
  #afterCr = false
  /** The data of the event has bytes: a value, or the line feed between two lines. */
  #hasData = false
  #dataLines = 0

  /** @returns whether the event ends within this piece */
  receive(piece: Buffer): boolean {
    for (const byte of piece) {
      const isSecondHalf = byte === LF && this.#afterCr
      this.#afterCr = byte === CR
      if (isSecondHalf) continue
      if (byte !== LF && byte !== CR) this.#add(byte)
      else if (this.#endLine()) return true
    }
    return false
  }

  #add(byte: number): void {
    this.#line ??= ''
    if (this.#line.length < TOLD_BY) this.#line += String.fromCharCode(byte)
  }

  #endLine(): boolean {
    const line = this.#isFirstLine ? this.#line?.replace(/^\xef\xbb\xbf/, '') : this.#line
    const wasWhole = !line && this.#hasData
    this.#line = undefined
    this.#isFirstLine = false
    if (!line) {
      this.#hasData = false
      this.#dataLines = 0
    } else if (line === 'data' || line.startsWith('data:')) {
      this.#hasData = ++this.#dataLines > 1 || this.#hasData || /^data:(?: .| ?[^ ])/s.test(line)
    }
    return wasWhole
  }
}

function lineEnd(buffer: Buffer, from: number): number {
  for (let at = from; at < buffer.length; at++) if (buffer[at] === LF || buffer[at] === CR) return at
  return -1
}

/** A line ends with LF, CR, or both in this order. */
const afterLine = (buffer: Buffer, end: number): number =>
  buffer[end] === CR && buffer[end + 1] === LF ? end + 2 : end + 1

function dataOf(line: Buffer): Buffer | undefined {
  if (line.toString('latin1', 0, 5) !== 'data:') return line.toString('latin1') === 'data' ? Buffer.alloc(0) : undefined
  return line.subarray(line[5] === 0x20 ? 6 : 5)
}

const joinLines = (lines: readonly Buffer[]): Buffer =>
  Buffer.concat(lines.flatMap((line, i) => (i === 0 ? [line] : [Buffer.of(LF), line])))
