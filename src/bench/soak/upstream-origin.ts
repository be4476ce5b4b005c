import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import { ContentCheck, contentOf } from './content.js'
import type { Effects } from './effects.js'
import type { Act, RouteName } from './errand.js'
import type { Spoil } from './settings.js'
import type { TokenOffice } from './token-office.js'
import { ECHO, LENGTH, type Wish, wishOf } from './upstream-request.js'

/** What all origins of the upstream share. */
export type Site = {
  readonly effects: Effects
  readonly office: TokenOffice
  readonly canary: string
  /** True once for each promise that is to be broken. */
  readonly spoils: (what: Spoil) => boolean
  readonly found: { cutUploads: number; strayTokens: number }
}

type Turn = {
  readonly site: Site
  readonly wish: Wish
  readonly act: Act | 'answer'
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** It is done; a second call does nothing. */
  readonly apply: () => void
}

/** Between the pieces of a slow answer, in milliseconds, and how many there are. */
const DRIP = 60
const DRIPS = 12
/** In bytes: clients that leave in the middle of an answer ask for one. */
const LONG = 1_000_000
/** In bytes: fits into one packet with what follows it. */
const SMALL = 2_048
const STRAY = `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${ECHO}: 0\r\n\r\nstray`
const JUNK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!'

/** One origin of the upstream. */
export function serveOrigin(site: Site, route: RouteName, request: IncomingMessage, response: ServerResponse): void {
  const wish = wishOf(request)
  const { id } = wish
  const { authorization } = request.headers
  const key = request.headers['idempotency-key']
  const isPost = request.method === 'POST'
  const tries = site.effects.arrive(id, isPost && key === undefined)
  request.on('error', () => undefined)
  response.on('error', () => undefined)
  // Idle connections are the daemon's to close, soon: the upstream keeps them for longer than it says.
  response.setHeader('connection', 'keep-alive').setHeader('keep-alive', 'timeout=2')
  if (route !== 'vendor' && authorization?.includes(site.canary)) site.found.strayTokens++
  if (route === 'vendor' && !site.office.takes(authorization)) return refuseToken(site, wish, request, response)
  let isDone = false
  const apply = () => {
    if (isDone) return
    isDone = true
    site.effects.apply(id, isPost, route === 'minted' && typeof key === 'string' ? key : undefined)
    if (isPost && site.spoils('effect')) site.effects.apply(id, true)
  }
  perform({ site, wish, act: wish.acts[tries] ?? 'answer', request, response, apply })
}

function refuseToken(site: Site, { id }: Wish, request: IncomingMessage, response: ServerResponse): void {
  request.resume().once('end', () => {
    site.effects.refuse(id, false)
    response.writeHead(401, { [ECHO]: id, 'www-authenticate': 'Bearer error="invalid_token"' }).end()
  })
}

function perform(turn: Turn): void {
  const { act, wish, request, response, apply, site } = turn
  const afterwards = (then: () => void) => whenRead(turn, then)
  switch (act) {
    case 'reset':
      return void reset(request)
    case 'early':
      site.effects.refuse(wish.id, true)
      return void response.writeHead(413, { [ECHO]: wish.id, [LENGTH]: 0, connection: 'close' }).end()
    case 'eager':
      apply()
      answer(turn, 200)
      return void request.resume()
    case 'silent':
      return afterwards(apply)
    case 'apply-reset':
      return afterwards(() => {
        apply()
        reset(request)
      })
    case 'refuse':
      return afterwards(() => refuse(turn, 503, 'retry-after'))
    case 'limit':
      return afterwards(() => refuse(turn, 429, 'retry-after-ms'))
    case 'fail':
      return afterwards(() => {
        apply()
        answer(turn, 500)
      })
    default:
      return afterwards(() => {
        apply()
        answerWith(turn, act)
      })
  }
}

/** What was uploaded has to be all of it when it ends well. */
function whenRead({ request, wish, site }: Turn, then: () => void): void {
  const check = new ContentCheck(wish.id)
  request.on('data', (chunk: Buffer) => check.feed(chunk))
  request.once('end', () => {
    if (check.length !== wish.uploads || !check.matches) site.found.cutUploads++
    then()
  })
}

/** Mostly a wait of milliseconds; a whole second holds up its origin for as long. */
function refuse({ site, wish, response }: Turn, status: number, field: 'retry-after' | 'retry-after-ms'): void {
  site.effects.refuse(wish.id, true)
  const isLong = field === 'retry-after' && wish.id % 8 === 0
  const head: OutgoingHttpHeaders = {
    [ECHO]: wish.id,
    [LENGTH]: 4,
    [isLong ? 'retry-after' : 'retry-after-ms']: isLong ? 1 : 40,
  }
  response.writeHead(status, head).end(contentOf(wish.id, 4))
}

function answer({ site, wish, response }: Turn, status: number): void {
  const body = contentOf(wish.id, wish.answers)
  // Who asks for more may leave before the end, and judges nothing.
  const isJudged = wish.answers > 1 && wish.answers < LONG
  const isCut = isJudged && wish.form === 'length' && site.spoils('cut')
  const sent = isCut ? body.subarray(0, -1) : body
  const echo = isJudged && site.spoils('answer') ? wish.id + 1 : wish.id
  response.writeHead(status, { ...fieldsOf(wish, sent.length), [ECHO]: echo }).end(sent)
}

function fieldsOf({ answers, form }: Wish, length: number): Record<string, string | number> {
  const type = form === 'events' ? 'text/event-stream' : 'application/octet-stream'
  const framing = form === 'length' ? { 'content-length': length } : { 'transfer-encoding': 'chunked' }
  return { 'content-type': type, [LENGTH]: answers, ...framing }
}

function answerWith(turn: Turn, act: Act | 'answer'): void {
  const { wish, response, request } = turn
  const { socket } = request
  switch (act) {
    case 'cut':
    case 'cut-chunked': {
      const form = act === 'cut' ? 'length' : 'chunked'
      const head = { ...fieldsOf({ ...wish, form }, wish.answers), [ECHO]: wish.id }
      const half = contentOf(wish.id, wish.answers >> 1)
      response.writeHead(200, head).write(half, () => (wish.id % 2 === 0 ? socket.destroy() : reset(request)))
      response.flushHeaders()
      // Nothing was written for a body of one byte: nobody would call back.
      if (half.length === 0) setImmediate(() => socket.destroy())
      return
    }
    case 'junk':
      return void socket.end(JUNK)
    case 'close':
      response.once('finish', () => socket.destroySoon())
      return answer(turn, 200)
    case 'stray':
      // Together: what comes later, when the connection is in use again, nobody can tell from the answer.
      socket.cork()
      answer(turn, 200)
      if (wish.answers < SMALL) socket.write(STRAY)
      return process.nextTick(() => socket.uncork())
    case 'drip':
      return drip(turn)
    default:
      return wish.form === 'events' ? drip(turn) : answer(turn, 200)
  }
}

/** TLS has no such thing: there it is an end without a word. */
function reset({ socket }: IncomingMessage): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

function drip({ wish, response }: Turn): void {
  const body = contentOf(wish.id, wish.answers)
  const piece = Math.max(1, Math.ceil(body.length / DRIPS))
  response.writeHead(200, { ...fieldsOf(wish, body.length), [ECHO]: wish.id })
  let at = 0
  const timer = setInterval(() => {
    response.write(body.subarray(at, at + piece))
    at += piece
    if (at < body.length) return
    clearInterval(timer)
    response.end()
  }, DRIP)
  response.once('close', () => clearInterval(timer))
}
