import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { openConnection, type Way } from '../../src/bench/load-connection.js'
import { MessageReader } from '../../src/bench/message-reader.js'
import type { TlsWay } from '../../src/bench/suite.js'

/**
 * connections: so many more, which ask once and are kept · origins: so many more are asked, which keep nothing · ask: so
 * many requests on one connection · together: all kept connections ask at once, and are answered when all have asked
 */
export type HoldOrder = {
  readonly kind: 'connections' | 'origins' | 'ask' | 'together'
  readonly count: number
  /** Of the proxy. */
  readonly port: number
  readonly target: string
  readonly host: string
  readonly tls?: TlsWay | undefined
}

/** Opened at a time. */
const AT_ONCE = 32

/** Of `together`, on one origin: fewer than the proxy keeps of one. */
const EACH = 128

const held: Socket[] = []
/** Who waits for an answer on a connection. */
const waiting = new Map<Socket, { readonly resolve: () => void; readonly reject: (error: Error) => void }>()
const servers: Server[] = []

async function open(way: Way): Promise<Socket> {
  const socket = await openConnection(way)
  const fail = (error: unknown) => {
    waiting.get(socket)?.reject(new Error(String(error)))
    waiting.delete(socket)
  }
  const reader = new MessageReader(head => {
    if (!/^HTTP\/1\.[01] 200 /.test(head)) return fail(head)
    const asked = waiting.get(socket)
    waiting.delete(socket)
    asked?.resolve()
  })
  socket.on('data', chunk => reader.feed(chunk))
  socket.on('error', fail).on('close', () => fail('a connection was closed'))
  return socket
}

function ask(socket: Socket, target: string, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.set(socket, { resolve, reject })
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: mulligan-bench\r\nAccept: */*\r\n\r\n`)
  })
}

async function connections({ count, target, host }: HoldOrder, way: Way): Promise<void> {
  let left = count
  const lane = async () => {
    while (left-- > 0) {
      const socket = await open(way)
      await ask(socket, target, host)
      // From here on it is meant to be silent.
      socket.setTimeout(0)
      held.push(socket)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

async function askOften({ count, target, host }: HoldOrder, way: Way): Promise<void> {
  const socket = await open(way)
  for (let i = 0; i < count; i++) await ask(socket, target, host)
  socket.destroy()
}

/** Addresses of this machine by number: 127.1.0.1 and so on. */
const addressOf = (i: number): string => `127.1.${Math.floor(i / 250)}.${(i % 250) + 1}`

/** Another origin. @param answer what becomes of a request */
async function serve(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer(socket => {
    const reader = new MessageReader(() => answer(socket))
    socket.on('data', chunk => reader.feed(chunk)).on('error', () => socket.destroy())
  })
  const address = addressOf(servers.length)
  servers.push(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ port: 0, host: address, backlog: 1_024 }, resolve)
  })
  return `${address}:${(server.address() as AddressInfo).port}`
}

async function origins({ count }: HoldOrder, way: Way): Promise<void> {
  const socket = await open(way)
  for (let i = 0; i < count; i++) {
    const host = await serve(upstream =>
      upstream.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'),
    )
    await ask(socket, `http://${host}/`, host)
  }
  socket.destroy()
}

async function together(): Promise<void> {
  const asking: Socket[] = []
  const hosts: string[] = []
  const answerAll = (socket: Socket) => {
    asking.push(socket)
    if (asking.length < held.length) return
    for (const one of asking) one.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  }
  while (hosts.length * EACH < held.length) hosts.push(await serve(answerAll))
  const asked = held.map((socket, i) => {
    const host = hosts[Math.floor(i / EACH)] ?? ''
    return ask(socket, `http://${host}/`, host)
  })
  await Promise.all(asked)
}

function obey(order: HoldOrder): Promise<void> {
  const { tls, port } = order
  const secureContext = tls && createSecureContext({ ca: readFileSync(tls.roots) })
  const way: Way = { port, tunnel: tls?.tunnel, secureContext, ...(tls?.name === undefined ? {} : { name: tls.name }) }
  switch (order.kind) {
    case 'connections':
      return connections(order, way)
    case 'origins':
      return origins(order, way)
    case 'ask':
      return askOften(order, way)
    case 'together':
      return together()
  }
}

process.on(
  'message',
  (order: HoldOrder) =>
    void obey(order).then(
      () => process.send?.('done'),
      (error: unknown) => process.send?.(String(error)),
    ),
)
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
