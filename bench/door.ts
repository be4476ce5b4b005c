import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { openConnection, type Way } from '../src/bench/load-connection.js'
import { bodyLength, MessageReader } from '../src/bench/message-reader.js'
import type { KeyUse, TlsWay } from '../src/bench/suite.js'
import { requestBytes, type Workload } from '../src/bench/workloads.js'
import type { Place, Program } from './program.js'

/** Whom HTTPS is for. Not everybody makes certificates for an address. */
export const TLS_NAME = 'localhost'

/** A way to ask: a program, or one of its routes. */
export type Door = {
  readonly name: string
  /** None for what is asked without a proxy. */
  readonly program: Program | undefined
  /** absolute: as a forward proxy is asked · origin: as a server is */
  readonly form: 'absolute' | 'origin'
  /** In front of the workload's path: what chooses the route. */
  readonly prefix?: string
  /** TLS with the upstream itself, through a tunnel or without; or with who opens it, by the file of its authority. */
  readonly tls?: 'direct' | 'tunnel' | ((folder: string) => string)
  /** Whom the client asks for, where not the upstream itself. */
  readonly authority?: string
  readonly key?: KeyUse
  readonly h2?: true
  /** It keeps no connection. */
  readonly closes?: true
}

/** What the load has to know to ask at a door. @property host for the Host field */
export type Address = {
  readonly port: number
  readonly target: string
  readonly host: string
  readonly tls: TlsWay | undefined
}

/** @param port the program's own, or the upstream's where there is none */
export function addressOf(
  door: Door,
  { upstream, roots }: Place,
  at: { port: number; folder: string },
  path: string,
): Address {
  const origin = door.authority ?? `${door.tls === undefined ? '127.0.0.1' : TLS_NAME}:${upstream}`
  const rest = `${door.prefix ?? ''}${path}`
  const absolute = door.form === 'absolute' && door.tls === undefined
  return {
    port: at.port,
    target: absolute ? `http://${origin}${rest}` : rest,
    host: door.form === 'absolute' ? origin : `127.0.0.1:${at.port}`,
    tls: door.tls && {
      name: TLS_NAME,
      tunnel: door.tls === 'direct' ? undefined : origin,
      roots: typeof door.tls === 'function' ? door.tls(at.folder) : roots,
    },
  }
}

/** One request. @throws unless the upstream's answer comes back, whole */
export async function ask({ port, target, host, tls }: Address, workload: Workload): Promise<void> {
  const secureContext = tls && createSecureContext({ ca: readFileSync(tls.roots) })
  const way: Way = { port, tunnel: tls?.tunnel, secureContext, ...(tls?.name === undefined ? {} : { name: tls.name }) }
  const socket = await openConnection(way)
  try {
    const head = await answerTo(socket, requestBytes(workload, target, host))
    if (!/^HTTP\/1\.[01] 200 /.test(head) || bodyLength(head) !== workload.receive) throw new Error(head)
  } finally {
    socket.destroy()
  }
}

function answerTo(socket: Socket, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new MessageReader(resolve)
    socket.on('error', reject).on('close', () => reject(new Error('closed without an answer')))
    socket.on('data', chunk => {
      try {
        reader.feed(chunk)
      } catch (error) {
        reject(error as Error)
      }
    })
    socket.write(bytes)
  })
}
