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

/** The data of the first event; `undefined` while it is not complete. */
export function firstEvent(buffer: Buffer): Buffer | undefined {
  const { value, done } = eventData(buffer).next()
  return done === true ? undefined : value
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
