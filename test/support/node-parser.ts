import { createServer, type IncomingMessage, METHODS, type ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'

/** A request as Node's parser sees it. */
export type NodeRequest = {
  readonly method: string
  readonly target: string
  readonly fields: readonly string[]
  readonly keepAlive: boolean
  body: Buffer
  readonly isWhole: () => boolean
}

export const isKnownMethod = (method: string): boolean => METHODS.includes(method)

/** Node's own server under the settings of our listener, fed from memory. */
export class NodeParser {
  #seen: NodeRequest[] = []
  #refused = false
  readonly #server = createServer({ maxHeaderSize: 65_536, requireHostHeader: false, insecureHTTPParser: false })

  constructor() {
    this.#server.maxHeadersCount = 0
    const see = (request: IncomingMessage, response?: ServerResponse) => this.#see(request, response)
    for (const event of ['request', 'checkContinue', 'checkExpectation', 'upgrade', 'connect'])
      this.#server.on(event, see)
    // What came before is still to be read.
    this.#server.on('clientError', () => {
      this.#refused = true
    })
  }

  /** It complained of something in what was read last. */
  get refused(): boolean {
    return this.#refused
  }

  /** Everything that it takes for a request in what a client sends and then waits. */
  async read(bytes: Buffer): Promise<readonly NodeRequest[]> {
    this.#seen = []
    this.#refused = false
    const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
    socket.on('error', () => undefined)
    this.#server.emit('connection', socket)
    socket.push(bytes)
    // The parser runs when the stream flows, bodies one turn later.
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
    const seen = this.#seen
    socket.destroy()
    return seen
  }

  #see(request: IncomingMessage, response: ServerResponse | undefined): void {
    const { method = '', url: target = '', rawHeaders: fields } = request
    const keepAlive = response instanceof Object && 'shouldKeepAlive' in response && response.shouldKeepAlive
    const seen = { method, target, fields, keepAlive, body: Buffer.alloc(0) as Buffer, isWhole: () => request.complete }
    this.#seen.push(seen)
    request.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => {
      seen.body = Buffer.concat([seen.body, chunk])
    })
  }
}
