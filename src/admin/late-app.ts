import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { PROBLEM_MEDIA_TYPE } from '../http/problem.js'
import type { Cancel } from '../time/clock.js'
import { seconds } from '../time/units.js'
import type { AdminWorld } from './app.js'
import { AdminProblem, problemText } from './problem.js'
import { SECURITY_FIELDS } from './security-fields.js'

/** A daemon that was asked nothing for so long has the time to load the answers. */
const IDLE = seconds(2)

/**
 * Loads what answers on the admin port with the first request: it takes as long to load as all that carries requests.
 * Requests that come meanwhile wait, and are then answered in their order, by the same checks as any later one.
 */
export class LateApp {
  readonly #open: () => Promise<FastifyInstance>
  readonly #world: AdminWorld
  #app: FastifyInstance | undefined
  #loading: Promise<FastifyInstance> | undefined
  #cancel: Cancel = () => undefined

  constructor(open: () => Promise<FastifyInstance>, world: AdminWorld) {
    this.#open = open
    this.#world = world
  }

  readonly serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (this.#app !== undefined) {
      this.#app.routing(request, response)
      return
    }
    this.#load().then(
      // Who asked may have left already.
      app => response.destroyed || app.routing(request, response),
      () => response.destroyed || refuse(response),
    )
  }

  /** Soon even if nobody asks: Node 20 never reads a module again that it once had no file left to read with. */
  loadSoon(): void {
    this.#cancel = this.#world.clock.schedule(IDLE, () => {
      this.#load().catch(() => undefined)
    })
  }

  /** Whoever asks from now on is told that it ends; streams end. */
  async close(): Promise<void> {
    this.#cancel()
    await this.#loading?.then(
      app => app.close(),
      () => undefined,
    )
  }

  #load(): Promise<FastifyInstance> {
    this.#loading ??= this.#ready().catch((error: unknown) => {
      this.#loading = undefined
      const { code, name } = error as NodeJS.ErrnoException
      this.#world.logger.error({ error: code ?? name }, 'the admin side cannot be loaded')
      throw error
    })
    return this.#loading
  }

  async #ready(): Promise<FastifyInstance> {
    const app = await this.#open()
    await app.ready()
    this.#app = app
    return app
  }
}

function refuse(response: ServerResponse): void {
  const problem = new AdminProblem('internal', 'its log says more; please report it')
  response.writeHead(problem.status, {
    ...SECURITY_FIELDS,
    'cache-control': 'no-store',
    'content-type': PROBLEM_MEDIA_TYPE,
    connection: 'close',
  })
  response.end(problemText(problem))
}
