import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'

/** The part of Express in use here: the package brings no types of its own. */
export type Request = IncomingMessage & {
  readonly method: string
  readonly path: string
  readonly originalUrl: string
  readonly get: (name: string) => string | undefined
}
export type Response = ServerResponse & {
  readonly status: (status: number) => Response
  readonly set: (name: string, value: string) => Response
  readonly json: (body: unknown) => Response
  readonly send: (body: string | Buffer) => Response
}
export type Handler = (request: Request, response: Response, next: () => void) => unknown
export type App = RequestListener & {
  readonly use: (...handlers: readonly Handler[]) => App
}

/** An Express application, 5.x. */
export const expressApp = createRequire(import.meta.url)('express') as () => App
