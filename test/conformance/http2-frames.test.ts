import { test } from 'tap'
import { asked, type FrameClient, frameClient, get } from '../support/h2-frame-client.js'
import { block, CODE, data, FLAG, frame, headers, reset, TYPE, window } from '../support/h2-frames.js'
import { type InterceptedScene, interceptedScene } from '../support/intercepted.js'
import { answer } from '../support/upstream.js'

/**
 * What must come of it: the connection ends, or stream 1 does, with one of these codes; or nothing is wrong. A stream
 * error may end the connection (RFC 9113 §5.4.2), and Node says INTERNAL_ERROR of what its library calls fatal.
 */
type Want = { readonly connection: readonly number[] } | { readonly stream: readonly number[] } | 'fine'
type Row = readonly [name: string, bytes: Buffer, want: Want]

const { protocol, closed, flow } = CODE
const FRAME_SIZE = 6
const COMPRESSION = 9
const broken = (...codes: number[]): Want => ({ connection: codes.length > 0 ? codes : [protocol] })
const ended = (...codes: number[]): Want => ({ stream: codes.length > 0 ? codes : [protocol] })
const OVERSIZED = broken(FRAME_SIZE)

const PRIORITY = 2
const PUSH_PROMISE = 5
const ALTSVC = 10
const PADDED = 8
const PRIORITIZED = 32
const ACK = 1
const bytes = (...values: number[]) => Buffer.from(values)
const zeros = (length: number) => Buffer.alloc(length)
const both = (...parts: Buffer[]) => Buffer.concat(parts)
const GET = block(asked('GET', '/malformed'))
const head = (flags: number, payload: Buffer, stream = 1) => frame(TYPE.headers, flags, stream, payload)
const whole = (payload: Buffer) => head(FLAG.end | FLAG.endHeaders, payload)
const setting = (id: number, value: number) =>
  frame(TYPE.settings, 0, 0, bytes(0, id, value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255))
const open = headers(1, asked('POST', '/malformed'))
/** Well-formed, whatever comes behind it. */
const done = get(1, '/whole')

/** RFC 9113 §4 to §6 and RFC 7541, by section. */
const ROWS: readonly Row[] = [
  ['4.1: an unknown type is passed over', frame(0xfa, 0xff, 0, zeros(9)), 'fine'],
  ['4.1: the reserved bit is passed over', both(frame(TYPE.ping, 0, 0x8000_0000, zeros(8))), 'fine'],
  ['4.2: DATA over the largest size', both(open, data(1, zeros(16_385))), { connection: [FRAME_SIZE, protocol] }],
  ['4.2: HEADERS over the largest size', whole(zeros(16_385)), OVERSIZED],
  ['4.3: half a field block', both(head(FLAG.end, GET), data(1, 'x')), broken()],
  ['4.3: another stream within a field block', both(head(FLAG.end, GET), get(3, '/')), broken()],
  ['4.3: an unknown type within a field block', both(head(FLAG.end, GET), frame(0xfa, 0, 0)), broken()],
  ['RFC 7541 6.1: index 0', whole(bytes(0x80)), broken(COMPRESSION)],
  ['RFC 7541 2.3.3: an index beyond the table', whole(bytes(0xff, 0x7f)), broken(COMPRESSION)],
  ['RFC 7541 5.1: an integer without an end', whole(bytes(...Array<number>(20).fill(0xff))), broken(COMPRESSION)],
  ['RFC 7541 5.2: a string longer than the block', whole(bytes(0x00, 0x7f, 0x61)), broken(COMPRESSION)],
  [
    'RFC 7541 5.2: Huffman padding of eight bits',
    whole(bytes(0x00, 0x82, 0x1f, 0xff, 0x01, 0x61)),
    broken(COMPRESSION),
  ],
  ['RFC 7541 6.3: a table above the limit', whole(both(bytes(0x3f, 0xe1, 0xff, 0x03), GET)), broken(COMPRESSION)],
  ['RFC 7541 4.2: a table size behind a field', whole(both(GET, bytes(0x20))), broken(COMPRESSION)],
  ['5.1: DATA on an idle stream', data(1, 'x'), broken()],
  ['5.1: RST_STREAM on an idle stream', reset(1, CODE.cancel), broken()],
  ['5.1: WINDOW_UPDATE on an idle stream', window(1, 1), broken()],
  ['5.1: CONTINUATION on an idle stream', frame(TYPE.continuation, FLAG.endHeaders, 1, GET), broken()],
  ['5.1: DATA behind END_STREAM', both(done, data(1, 'x')), broken(closed, protocol)],
  ['5.1: HEADERS behind END_STREAM', both(done, get(1, '/')), broken(closed, protocol)],
  ['5.1.1: an even stream', get(2, '/malformed'), broken()],
  // nghttp2 takes it for what is left of a stream that it has reset, and passes over it.
  ['5.1.1: a stream below the last one', both(get(5, '/whole'), get(3, '/malformed')), 'fine'],
  [
    '5.3.1: a stream that depends on itself',
    head(FLAG.end | FLAG.endHeaders | PRIORITIZED, both(bytes(0, 0, 0, 1, 0), GET)),
    broken(),
  ],
  ['6.1: DATA on stream 0', data(0, 'x'), broken()],
  ['6.1: padding longer than DATA', both(open, frame(TYPE.data, PADDED, 1, bytes(5, 1))), broken()],
  ['6.2: HEADERS on stream 0', get(0, '/malformed'), broken()],
  ['6.2: padding longer than HEADERS', head(FLAG.end | FLAG.endHeaders | PADDED, both(bytes(255), GET)), broken()],
  ['6.3: PRIORITY of four bytes', frame(PRIORITY, 0, 1, zeros(4)), { connection: [FRAME_SIZE] }],
  ['6.4: RST_STREAM on stream 0', reset(0, CODE.cancel), broken()],
  ['6.4: RST_STREAM of three bytes', both(open, frame(TYPE.reset, 0, 1, zeros(3))), OVERSIZED],
  ['6.5: SETTINGS on a stream', frame(TYPE.settings, 0, 1), broken()],
  ['6.5: SETTINGS of five bytes', frame(TYPE.settings, 0, 0, zeros(5)), OVERSIZED],
  ['6.5: an acknowledgement with a setting', frame(TYPE.settings, ACK, 0, zeros(6)), OVERSIZED],
  ['6.5.2: ENABLE_PUSH 2', setting(2, 2), broken()],
  ['6.5.2: a window beyond 2^31-1', setting(4, 0x8000_0000), broken(flow)],
  ['6.5.2: frames below 16,384', setting(5, 16_383), broken()],
  ['6.5.2: frames beyond 2^24-1', setting(5, 16_777_216), broken()],
  ['6.5.2: an unknown setting', setting(0xff, 1), 'fine'],
  [
    '6.6: PUSH_PROMISE of a client',
    both(open, frame(PUSH_PROMISE, FLAG.endHeaders, 1, both(bytes(0, 0, 0, 2), GET))),
    broken(),
  ],
  ['6.7: PING on a stream', frame(TYPE.ping, 0, 1, zeros(8)), broken()],
  ['6.7: PING of seven bytes', frame(TYPE.ping, 0, 0, zeros(7)), OVERSIZED],
  ['6.8: GOAWAY on a stream', frame(TYPE.goaway, 0, 1, zeros(8)), broken()],
  ['6.8: GOAWAY of seven bytes', frame(TYPE.goaway, 0, 0, zeros(7)), OVERSIZED],
  ['6.9: an increment of 0 for the connection', window(0, 0), broken()],
  ['6.9: an increment of 0 for a stream', both(open, window(1, 0)), ended()],
  ['6.9: WINDOW_UPDATE of three bytes', frame(TYPE.window, 0, 0, zeros(3)), OVERSIZED],
  ['6.9.1: a window of the connection beyond 2^31-1', window(0, 0x7fff_ffff), broken(flow)],
  ['6.9.1: a window of a stream beyond 2^31-1', both(open, window(1, 0x7fff_ffff)), ended(flow)],
  [
    '6.9.2: a setting that takes a window beyond 2^31-1',
    both(open, window(1, 0x7fff_0000), setting(4, 0x7fff_ffff)),
    ended(flow),
  ],
  [
    '6.10: CONTINUATION without HEADERS',
    both(done, frame(TYPE.continuation, FLAG.endHeaders, 1, GET)),
    broken(protocol, closed),
  ],
  ['8.1: a second HEADERS without END_STREAM', both(open, headers(1, [['x-a', '1']])), ended()],
  ['8.1: a pseudo-header field in trailers', both(open, headers(1, [[':path', '/']], true)), ended()],
  ['8.1: a field of the connection in trailers', both(open, headers(1, [['connection', 'x']], true)), ended()],
  ['8.2.1: a field that begins with a colon only', headers(1, asked('GET', '/malformed', [':', 'x']), true), ended()],
  ['RFC 7838 4: ALTSVC of a client', frame(ALTSVC, 0, 0, both(bytes(0, 1), Buffer.from('ah2=":1"'))), 'fine'],
]

type Heard = { readonly goaway: number | undefined; readonly reset: number | undefined; readonly behind: string }

/** Sends it with a request behind it. @returns how stream 1 and the connection end, and the answer to the request behind */
async function play(at: InterceptedScene, sent: Buffer): Promise<Heard> {
  const socket = await at.open('api.test:443', { ALPNProtocols: ['h2'] })
  const client: FrameClient = frameClient(socket)
  await client.find(({ type, flags }) => type === TYPE.settings && (flags & ACK) === ACK)
  client.send(sent, get(7, '/behind'))
  const goodbye = client.find(({ type }) => type === TYPE.goaway)
  const behind = await Promise.race([client.ended(7).then(({ body }) => body), goodbye.then(() => '')])
  const code = (type: number, offset: number, stream: number) =>
    client.frames.find(read => read.type === type && read.stream === stream)?.payload.readUInt32BE(offset)
  const heard = { goaway: code(TYPE.goaway, 4, 0), reset: code(TYPE.reset, 0, 1), behind }
  socket.destroy()
  return heard
}

function fits(want: Want, { goaway, reset: code, behind }: Heard): boolean {
  if (want === 'fine') return goaway === undefined && code === undefined && behind === 'ok'
  const codes = 'stream' in want ? want.stream : want.connection
  if (behind === 'ok') return 'stream' in want && code !== undefined && codes.includes(code)
  const last = goaway ?? code
  return last !== undefined && [...codes, CODE.internal].includes(last)
}

test('F2: what HTTP/2 calls an error ends the stream or the connection, and no upstream gets a request of it', async t => {
  const at = await interceptedScene(t, ({ path }) => answer(200, path === '/behind' ? 'ok' : 'whole'))
  for (const [name, sent, want] of ROWS) {
    const heard = await play(at, sent)
    t.ok(fits(want, heard), `RFC 9113 §${name}: ${JSON.stringify(heard)}`)
  }
  const paths = at.upstream.seen.map(({ path }) => path)
  t.notOk(paths.includes('/malformed'), 'nothing of it was forwarded whole')
  t.ok(ROWS.length >= 50, `${ROWS.length} rows`)
})
