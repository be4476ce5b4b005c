import type { ClientHttp2Stream } from 'node:http2'
import { addAbortSignal } from 'node:stream'
import type { Fields } from '../http/fields.js'
import { endToEndTrailers } from '../http/trailer-fields.js'
import type { Phase } from '../policy/types.js'
import type { Framing, WireFault } from '../wire/events.js'
import { kept } from '../wire/shared-read.js'
import { neverOpened, streamFault } from './h2-fault.js'
import { answerHead, joined, requestFields, sizeOf, tooLarge, trailerFields } from './h2-head.js'
import type { H2Session } from './h2-session.js'
import type { Line, LineUser, OutgoingHead } from './line.js'
import { type AttemptFault, errorCode } from './to-fault.js'

/** Codes of RST_STREAM (RFC 9113 §7). */
const ENHANCE_YOUR_CALM = 0xb
const HTTP_1_1_REQUIRED = 0xd
/** Flag of a HEADERS frame (RFC 9113 §6.2). */
const END_STREAM = 0x1

/** One stream of an HTTP/2 connection, for one attempt. */
export class H2Stream implements Line {
  reused = false
  bytesHanded = 0
  readonly #session: H2Session
  #user: LineUser | undefined
  #stream: ClientHttp2Stream | undefined
  #method = ''
  #bodiless = false
  #expected: number | undefined
  #received = 0
  #interims = 0
  #headSeen = false
  #trailers: Fields = []
  #requestTrailers: Fields = []
  /** END_STREAM was read; without it an end is a broken transfer, whatever Node calls it. */
  #ended = false
  #paused = false
  /** The rest of a complete answer, for a client that reads slower than its upstream sends. */
  #rest: Buffer[] | undefined
  #begunAt = 0
  #bytesBefore = 0
  #error = ''

  constructor(session: H2Session) {
    this.#session = session
  }

  begin(user: LineUser, head: OutgoingHead): void {
    this.#user = user
    this.#method = head.method
    this.#bodiless = hasNoBody(head.framing)
    this.#begunAt = this.#session.now
    this.#bytesBefore = this.#session.bytesRead
    const fields = requestFields(head, 'https')
    const options = { endStream: this.#bodiless, waitForTrailers: head.framing.kind === 'chunked' }
    const stream = this.#session.request(fields, options) ?? this.#session.request(joined(fields), options)
    this.reused = this.#session.uses > 1
    if (stream === undefined) {
      // Told later: the caller is not yet ready to hear of an end.
      process.nextTick(() => this.#fail(neverOpened('the h2 connection takes no more streams')))
      return
    }
    this.bytesHanded = sizeOf(fields)
    this.#stream = stream
    this.#listen(stream)
  }

  #listen(stream: ClientHttp2Stream): void {
    const raw = (listener: (flags: number, fields: Fields) => void) => (_: unknown, flags: number, fields: Fields) =>
      listener(flags, fields)
    stream.on(
      'headers',
      raw((_, fields) => this.#onInterim(fields)),
    )
    stream.on(
      'response',
      raw((flags, fields) => this.#onHead(stream, fields, (flags & END_STREAM) !== 0)),
    )
    stream.on(
      'trailers',
      raw((_, fields) => {
        // RFC 9113 §8.2.2: no `Connection` named any of them.
        this.#trailers = endToEndTrailers(fields, [])
      }),
    )
    stream.on('end', () => this.#onEnd())
    stream.on('drain', () => this.#user?.onDrain())
    stream.on('wantTrailers', () => this.#sendTrailers(stream))
    stream.on('error', error => {
      this.#error ||= errorCode(error)
    })
    stream.on('close', () => this.#onClose(stream))
    this.#watchEnd(stream)
  }

  /**
   * Node ends the readable side alike for END_STREAM and for an RST_STREAM that came before it, if its code was
   * NO_ERROR or CANCEL. Only the state of the stream at that moment tells them apart.
   */
  #watchEnd(stream: ClientHttp2Stream): void {
    const push = stream.push
    stream.push = (chunk, encoding) => {
      const isEnd = chunk === null && !stream.closed && !stream.destroyed
      if (isEnd) this.#ended = true
      const more = push.call(stream, chunk, encoding)
      if (isEnd) this.#takeRest()
      return more
    }
  }

  #onInterim(fields: Fields): void {
    this.#session.heard()
    const { limits } = this.#session
    const head = answerHead(this.#method, fields, false, limits.headBytes)
    if ('section' in head) this.#refuse(head)
    else if (++this.#interims > limits.interimMax) this.#refuse(TOO_MANY_INTERIMS)
    else this.#user?.onInterim(head)
  }

  #onHead(stream: ClientHttp2Stream, fields: Fields, ended: boolean): void {
    this.#session.heard()
    if (this.#user === undefined) return
    const head = answerHead(this.#method, fields, ended, this.#session.limits.headBytes)
    if ('section' in head) return this.#refuse(head)
    this.#headSeen = true
    if (head.framing.kind === 'length') this.#expected = head.framing.length
    this.#user.onHead(head)
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    if (!this.#paused) stream.resume()
    if (ended) return this.#onEnd()
    // Behind what came in the same read, which Node hands over frame by frame: it leaves together with the head.
    setImmediate(afterHead, this)
  }

  /** Everything that was read with the head has been told. */
  afterHead(): void {
    if (this.#ended && this.#stream?.readableLength === 0) this.#onEnd()
    else this.#user?.onReadEnd()
  }

  #onData(chunk: Buffer): void {
    this.#session.heard()
    this.#received += chunk.length
    if (this.#rest !== undefined) this.#rest.push(chunk)
    else this.#user?.onData(chunk)
  }

  /** A complete answer does not stay with a connection that may die: it waits for the client here. */
  #takeRest(): void {
    if (!this.#ended || !this.#paused || !this.#headSeen || this.#rest !== undefined) return
    this.#rest = []
    // Each read is told by `data`.
    while (this.#stream !== undefined && this.#stream.read() !== null);
  }

  #giveRest(): void {
    const rest = this.#rest
    while (rest !== undefined && rest.length > 0 && !this.#paused) this.#user?.onData(rest.shift() as Buffer)
    if (rest?.length === 0 && !this.#paused) this.#complete()
  }

  #onEnd(): void {
    this.#session.heard()
    // An end without END_STREAM is told by `close`.
    if (this.#ended && this.#rest === undefined) this.#complete()
  }

  #complete(): void {
    const user = this.#user
    this.#user = undefined
    // RFC 9113 §8.1: the answer is final, whatever of the request is still to be sent.
    if (this.#stream?.writableFinished === false) cut(this.#stream)
    user?.onEnd(this.#trailers)
  }

  write(chunk: Buffer): boolean {
    const stream = this.#stream
    if (stream === undefined || this.#bodiless || stream.closed || stream.destroyed) return true
    this.bytesHanded += chunk.length
    return stream.write(kept(chunk))
  }

  end(trailers: Fields): void {
    const stream = this.#stream
    if (stream === undefined || this.#bodiless || stream.closed || stream.destroyed) return
    this.#requestTrailers = trailers
    stream.end()
  }

  #sendTrailers(stream: ClientHttp2Stream): void {
    const fields = trailerFields(this.#requestTrailers)
    try {
      stream.sendTrailers(fields)
    } catch {
      stream.sendTrailers(joined(fields))
    }
  }

  pause(): void {
    this.#paused = true
    this.#stream?.pause()
    // Not now: this may be called from within a read.
    if (this.#ended) process.nextTick(() => this.#takeRest())
  }

  resume(): void {
    this.#paused = false
    if (this.#rest !== undefined) process.nextTick(() => this.#giveRest())
    else if (this.#headSeen) this.#stream?.resume()
  }

  destroy(): void {
    this.#user = undefined
    this.#rest = undefined
    if (this.#stream === undefined) return
    if (!this.#headSeen) this.#session.gaveUp(this.#begunAt)
    cut(this.#stream)
  }

  reset(): void {
    this.destroy()
  }

  /** Not a clean answer: the stream goes, the user hears why. */
  #refuse(fault: WireFault): void {
    if (this.#stream !== undefined) cut(this.#stream)
    this.#fail(wireFault(fault, this.#headSeen ? 'answered' : 'junk'))
  }

  #onClose(stream: ClientHttp2Stream): void {
    // A reset behind END_STREAM, whatever its code, takes nothing back.
    if (this.#ended && this.#headSeen && stream.readableLength === 0) this.#onEnd()
    const isAnswered = this.#rest !== undefined || this.#user === undefined
    const fault = isAnswered ? undefined : this.#causeOfDeath(stream)
    if (fault && stream.rstCode === HTTP_1_1_REQUIRED) this.#session.requireHttp11()
    // After the evidence was taken: the last stream of a retired connection takes it along.
    this.#session.left()
    if (fault) this.#fail(fault)
  }

  #causeOfDeath(stream: ClientHttp2Stream): AttemptFault {
    const code = stream.rstCode
    if (code === ENHANCE_YOUR_CALM && !this.#headSeen && this.#flooded()) {
      return wireFault(tooLarge(this.#session.limits.headBytes), 'junk')
    }
    return streamFault({
      code,
      error: this.#error,
      lost: this.#session.lost,
      disowned: this.#session.disowns(stream.id),
      headSeen: this.#headSeen,
      short: this.#expected !== undefined && this.#received < this.#expected,
      reused: this.reused,
      silent: this.#session.bytesRead === this.#bytesBefore,
    })
  }

  /** Node breaks off a field section that is far too long with the code that a peer may use too. */
  #flooded(): boolean {
    return this.#session.bytesRead - this.#bytesBefore > this.#session.limits.headBytes / 2
  }

  #fail(fault: AttemptFault): void {
    const user = this.#user
    this.#user = undefined
    user?.onFault(fault)
  }
}

const TOO_MANY_INTERIMS: WireFault = {
  name: 'http_protocol_error',
  details: 'too many interim answers',
  section: 'RFC 9110 §15.2',
}

const hasNoBody = (framing: Framing): boolean =>
  framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0)

const ABORTED = AbortSignal.abort()

/**
 * RST_STREAM with CANCEL. Not by `close`: that sends END_STREAM first, and the upstream would take the part of a body
 * that it has for the whole.
 */
const cut = (stream: ClientHttp2Stream): void => void addAbortSignal(ABORTED, stream)

const wireFault = ({ name, details, section }: WireFault, phase: Phase): AttemptFault => ({
  fault: name,
  phase,
  details: `${details} (${section})`,
})

const afterHead = (stream: H2Stream): void => stream.afterHead()
