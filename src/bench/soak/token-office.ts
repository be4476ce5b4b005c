import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dice } from './seeded.js'

/** How long a token lives before the API stops taking it, in milliseconds; its own word is an hour. */
const LIFE = 4_000
/** How long the endpoint keeps silent when it does, in milliseconds. */
const SILENCE = 1_500

/** A token endpoint in bad shape, and what the API thinks of its tokens. */
export class TokenOffice {
  readonly #canary: string
  readonly #secret: string
  readonly #dice: Dice
  #good = ''
  #bornAt = 0
  issued = 0

  /** @param canary what every token begins with @param secret the client's */
  constructor(canary: string, secret: string, dice: Dice) {
    this.#canary = canary
    this.#secret = secret
    this.#dice = dice
  }

  takes(authorization: string | undefined): boolean {
    return authorization === `Bearer ${this.#good}` && performance.now() - this.#bornAt < LIFE
  }

  readonly serve = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume().once('end', () => this.#answer(request, response))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const known = Buffer.from(request.headers.authorization?.slice('Basic '.length) ?? '', 'base64').toString('latin1')
    if (known !== `soak:${this.#secret}`) return void response.writeHead(401).end()
    const luck = this.#dice()
    if (luck < 0.1) return void response.writeHead(500).end('out of order')
    if (luck < 0.14) return void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>sign in</p>')
    if (luck < 0.16) return void setTimeout(() => request.socket.resetAndDestroy(), SILENCE)
    this.#good = `${this.#canary}-${++this.issued}`
    this.#bornAt = performance.now()
    const body = { access_token: this.#good, token_type: 'Bearer', expires_in: 3_600 }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
}
