import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { packageRoot } from '../config/package-root.js'
import { AdminProblem } from './problem.js'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
}

type File = { readonly bytes: Buffer; readonly type: string; readonly tag: string }

const WITHOUT_PAGE = 'This build of mulligan has no page. What it knows is under /v1; /openapi.json says how to ask.\n'

/** The live page, as the build left it: read when somebody first looks, and kept. Only what the folder lists has a name. */
export class Page {
  readonly #folder: URL
  #files: ReadonlyMap<string, File> = new Map()

  constructor(folder: URL = new URL('dist/page/', packageRoot())) {
    this.#folder = folder
  }

  /** `GET /` */
  index(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const file = this.#find('index.html')
    if (file === undefined) return reply.type('text/plain; charset=utf-8').send(WITHOUT_PAGE)
    return give(file, request, reply)
  }

  /** `GET /page/:file` @throws AdminProblem */
  file(name: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const file = this.#find(name)
    if (file === undefined) throw new AdminProblem('not_found', 'the page has no file of that name')
    return give(file, request, reply)
  }

  #find(name: string): File | undefined {
    if (this.#files.size === 0) this.#files = readFolder(this.#folder)
    return this.#files.get(name)
  }
}

function give({ bytes, type, tag }: File, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers({ etag: tag, 'cache-control': 'no-cache' })
  if (request.headers['if-none-match'] === tag) return reply.code(304).send()
  return reply.type(type).send(bytes)
}

function readFolder(folder: URL): ReadonlyMap<string, File> {
  try {
    const names = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isFile())
    return new Map(names.map(({ name }) => [name, readFile(new URL(encodeURIComponent(name), folder), name)]))
  } catch {
    return new Map()
  }
}

function readFile(url: URL, name: string): File {
  const bytes = readFileSync(url)
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  return { bytes, type: TYPES[extname(name)] ?? 'application/octet-stream', tag }
}
