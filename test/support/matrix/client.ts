import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { openSecure } from '../intercepted.js'
import { AnswerReader, type Got } from './answer-reader.js'
import { turns } from './dice.js'
import type { Errand, Way } from './lanes.js'

/** The host that every route of the matrix takes. */
export const HOST = 'api.example'

type Open = { readonly socket: Socket; readonly reader: AnswerReader }

export type Trip = {
  readonly got: Got
  /** Of the GET that was sent right behind; undefined where the connection was closed after the first answer. */
  readonly behind: Got | undefined
}

/** Clients of one daemon; they keep their connections while these last, and use them again. */
export class MatrixClient {
  readonly #port: number
  readonly #ca: () => string
  readonly #idle = new Map<Way, Open[]>()
  readonly #all = new Set<Socket>()
  #session: Promise<ClientHttp2Session> | undefined

  constructor(port: number, ca: () => string) {
    this.#port = port
    this.#ca = ca
  }

  async send(errand: Errand): Promise<Trip> {
    if (errand.way === 'TLS with HTTP/2') return { got: await this.#stream(errand), behind: undefined }
    const open = await this.#open(errand.way, errand.fresh)
    const { socket, reader } = open
    const told = reader.next()
    await this.#write(socket, errand)
    const got = await told
    const closes = got.broken || /(?:^|,)\s*close/i.test(got.header('connection') ?? '')
    const behind = errand.behind === undefined || closes ? undefined : await reader.next()
    if (closes || behind?.broken === true) socket.destroy()
    else this.#idle.set(errand.way, [...(this.#idle.get(errand.way) ?? []), open])
    return { got, behind }
  }

  /** A connection that requests can be written to; the caller ends it. */
  async open(way: Exclude<Way, 'TLS with HTTP/2'>): Promise<Open> {
    return this.#open(way, true)
  }

  /** The head of a request, as a client of HTTP/1.1 writes it. */
  headOf(errand: Pick<Errand, 'id' | 'route' | 'way' | 'shape' | 'fields' | 'body'>): string {
    const { shape, way, fields, body } = errand
    const path = pathOf(errand)
    const target = way === 'absolute-form' ? `http://${HOST}${path}` : path
    const host = way === 'mount' ? `127.0.0.1:${this.#port}` : HOST
    const framing = { none: [], length: [`Content-Length: ${body.length}`], chunked: ['Transfer-Encoding: chunked'] }
    const own = fields.map(([name, value]) => `${name}: ${value}`)
    return `${[`${shape.method} ${target} HTTP/1.1`, `Host: ${host}`, ...own, ...framing[shape.framing]].join('\r\n')}\r\n\r\n`
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => undefined)
    session?.destroy()
    this.#session = undefined
    for (const socket of this.#all) socket.destroy()
    this.#idle.clear()
  }

  async #open(way: Way, fresh: boolean): Promise<Open> {
    const kept = this.#idle.get(way) ?? []
    for (let open = kept.pop(); open !== undefined && !fresh; open = kept.pop()) {
      if (!open.socket.destroyed && open.socket.writable && !open.reader.ended) return open
    }
    const secure = way.startsWith('TLS')
    const socket = secure
      ? await openSecure(this.#port, `${HOST}:443`, { ca: this.#ca(), ALPNProtocols: ['http/1.1'] })
      : connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => undefined)
    this.#all.add(socket)
    socket.on('close', () => this.#all.delete(socket))
    if (!secure) await once(socket, 'connect')
    return { socket, reader: new AnswerReader(socket) }
  }

  async #write(socket: Socket, errand: Errand): Promise<void> {
    const { shape, pieces, behind } = errand
    const send = (bytes: Buffer | string) => void (socket.destroyed || socket.write(bytes))
    send(this.headOf(errand))
    for (const piece of pieces) {
      if (pieces.length > 1) await turns(1)
      if (shape.framing === 'chunked') send(`${piece.length.toString(16)}\r\n`)
      send(piece)
      if (shape.framing === 'chunked') send('\r\n')
    }
    if (shape.framing === 'chunked') send('0\r\n\r\n')
    if (behind !== undefined) send(this.headOf({ ...errand, id: behind, shape: CLEAN, fields: [], body: NOTHING }))
  }

  async #stream(errand: Errand): Promise<Got> {
    const { shape, fields, pieces, body } = errand
    const session = await this.#http2()
    const own = Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]))
    const length = shape.framing === 'length' ? { 'content-length': body.length } : {}
    const names = { ':method': shape.method, ':path': pathOf(errand), ':authority': HOST }
    const stream = session.request({ ...names, ...own, ...length }, { endStream: shape.framing === 'none' })
    const chunks: Buffer[] = []
    let head: IncomingHttpHeaders = {}
    let whole = false
    stream.on('response', fields => (head = fields)).on('error', () => undefined)
    stream.on('data', chunk => chunks.push(chunk)).on('end', () => (whole = stream.rstCode === 0))
    const closed = new Promise<void>(resolve => stream.once('close', () => resolve()))
    for (const piece of pieces) {
      await turns(1)
      if (!stream.destroyed && stream.writable) stream.write(piece)
    }
    if (shape.framing !== 'none' && !stream.destroyed) stream.end()
    await closed
    const status = Number(head[':status'] ?? 0)
    const header = (name: string) => {
      const value = head[name.toLowerCase()]
      return value === undefined ? undefined : String(value)
    }
    const broken = !whole || stream.rstCode !== 0
    return { status, header, head: JSON.stringify(head), body: Buffer.concat(chunks), broken }
  }

  async #http2(): Promise<ClientHttp2Session> {
    const kept = await this.#session
    if (kept !== undefined && !kept.closed && !kept.destroyed) return kept
    this.#session = (async () => {
      const socket = await openSecure(this.#port, `${HOST}:443`, { ca: this.#ca(), ALPNProtocols: ['h2'] })
      this.#all.add(socket)
      socket.on('close', () => this.#all.delete(socket))
      const session = connectHttp2(`https://${HOST}`, { createConnection: () => socket })
      return session.on('error', () => undefined)
    })()
    return this.#session
  }
}

const NOTHING = Buffer.alloc(0)
const CLEAN = { name: 'GET', method: 'GET', framing: 'none', class: 'safe', events: false } as const

/** Every request carries a secret in its query. */
const pathOf = ({ route, id }: Pick<Errand, 'route' | 'id'>): string => `/${route}/${id}?api_key=kanarie-query`
