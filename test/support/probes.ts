import { connect, type Socket } from 'node:net'
import { readAnswer, request } from './client.js'
import { endOf, freePort, readHead } from './tunnel.js'
import { answer, type Script, startUpstream, type TestUpstream, type UpstreamOptions } from './upstream.js'

/** What one proxy does in one odd situation, in a few words that do not depend on timing. */
export type Probe = {
  readonly title: string
  /** The only result that is right. */
  readonly good: string
  readonly run: (port: number) => Promise<string>
}

/** Longer than anything takes here that happens at all: so many looks, so many milliseconds apart. */
const PATIENCE = 75
const LOOK = 20
/** Until there is nothing to wait for. Looks are counted, not time: who stands still for seconds has not waited. */
async function patience(isOver: () => boolean): Promise<void> {
  for (let looks = 0; looks < PATIENCE && !isOver(); looks++) await new Promise(resolve => setTimeout(resolve, LOOK))
}
async function within<T>(promise: Promise<T>, otherwise: T): Promise<T> {
  let isHere = false
  const here = promise.finally(() => {
    isHere = true
  })
  return Promise.race([here, patience(() => isHere).then(() => (isHere ? here : otherwise))])
}

async function upstreamFor<T>(
  script: Script,
  use: (upstream: TestUpstream) => Promise<T>,
  options?: UpstreamOptions,
): Promise<T> {
  const upstream = await startUpstream(script, options)
  try {
    return await use(upstream)
  } finally {
    await upstream.close()
  }
}

function send(port: number, text: string): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(text)
  return socket
}

const get = (url: string, ...fields: string[]) =>
  `GET ${url} HTTP/1.1\r\n${['Host: x', ...fields].join('\r\n')}\r\n\r\n`
const LEAKS = [
  'Keep-Alive: timeout=9',
  'TE: gzip',
  'Proxy-Authorization: Basic eDp5',
  'X-Named: 1',
  'Proxy-Connection: x',
]

const fields: Probe = {
  title: 'fields for this hop only (`Proxy-Authorization`, `TE`, `Keep-Alive`, what `Connection` names)',
  good: 'end here',
  run: port =>
    upstreamFor(
      () => answer(200),
      async ({ url, seen }) => {
        await request(port, `${url}/`, { fields: ['Connection: x-named, keep-alive', ...LEAKS] })
        const leaked = LEAKS.filter(field => seen[0]?.header(field.split(':')[0] as string) !== undefined)
        return leaked.length === 0 ? 'end here' : `${leaked.length} of ${LEAKS.length} leak upstream`
      },
    ),
}

const smuggling: Probe = {
  title: 'chunked DELETE with a request in its body',
  good: 'one request',
  run: port =>
    upstreamFor(
      () => answer(200),
      async ({ url, seen }) => {
        const inner = `GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`
        const chunk = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`
        const socket = send(port, `DELETE ${url}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`)
        await within(
          readAnswer(socket, 'DELETE').then(() => undefined),
          undefined,
        )
        socket.destroy()
        // On its own connection: by now a smuggled request has been read.
        await request(port, `${url}/after`)
        return seen.some(({ path }) => path === '/smuggled') ? '**smuggled: the upstream runs two**' : 'one request'
      },
    ),
}

const leavers: Probe = {
  title: '20 clients leave in the middle of an answer',
  good: 'upstreams are let go',
  run: port =>
    upstreamFor(
      (_, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'),
      async ({ url, open }) => {
        const clients = Array.from({ length: 20 }, () => send(port, get(`${url}/`)))
        await Promise.all(clients.map(client => readHead(client)))
        for (const client of clients) client.destroy()
        await patience(() => open() === 0)
        return open() === 0 ? 'upstreams are let go' : `**${open()} upstreams stay open**`
      },
    ),
}

const cut: Probe = {
  title: 'upstream dies in the middle of an answer',
  good: 'the client sees a cut',
  run: port =>
    upstreamFor(
      (_, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', () => socket.destroy()),
      async ({ url }) => {
        const answered = readAnswer(send(port, get(`${url}/`)))
        return within(
          answered.then(({ broken }) => (broken ? 'the client sees a cut' : 'a clean end')),
          '**the client hangs**',
        )
      },
    ),
}

const refused: Probe = {
  title: 'upstream refuses the connection, nobody listens for errors',
  good: 'answers 502',
  run: async port => {
    const answered = request(port, `http://127.0.0.1:${await freePort()}/`)
    const status = await within(
      answered.then(({ status }) => status),
      -1,
    )
    if (status > 0) return `answers ${status}`
    return (await isGone(port)) ? '**the process dies**' : '**no answer**'
  },
}

/** Nobody accepts any more. */
async function isGone(port: number): Promise<boolean> {
  for (let looks = 0; looks < PATIENCE; looks++) {
    const accepted = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (!accepted) return true
    await new Promise(resolve => setTimeout(resolve, LOOK))
  }
  return false
}

const repeated: Probe = {
  title: 'GET answered 503, then 200',
  good: 'the client gets the 200',
  run: port =>
    upstreamFor(
      seen => answer(seen.number === 1 ? 503 : 200),
      async ({ url }) => `the client gets the ${(await request(port, `${url}/`)).status}`,
    ),
}

const path: Probe = {
  title: 'path `/a//b|c/https://x//z?`',
  good: 'kept',
  run: port => pathOf(port, '/a//b|c/https://x//z?'),
}

const slashes: Probe = { title: 'path `//a`, in absolute-form', good: 'kept', run: port => pathOf(port, '//a') }

function pathOf(port: number, wanted: string): Promise<string> {
  return upstreamFor(
    () => answer(200),
    async ({ url, seen }) => {
      await within(
        readAnswer(send(port, get(url + wanted))).then(() => undefined),
        undefined,
      )
      const got = seen[0]?.path
      return got === wanted ? 'kept' : `\`${got}\``
    },
  )
}

const extras: Probe = {
  title: '103 and trailers',
  good: 'both pass',
  run: port =>
    upstreamFor(
      () =>
        'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n',
      async ({ url }) => {
        const socket = send(port, get(`${url}/`, 'TE: trailers', 'Connection: close, TE'))
        let text = ''
        socket.on('data', chunk => (text += chunk))
        await within(new Promise(resolve => socket.on('close', resolve)), undefined)
        socket.destroy()
        const passed = [/^HTTP\/1\.1 103/.test(text) && '103', /\r\nX-Sum: 1/i.test(text) && 'trailers'].filter(Boolean)
        return passed.length === 2 ? 'both pass' : passed.length === 1 ? `only ${passed[0]}` : 'neither passes'
      },
    ),
}

const aborted: Probe = {
  title: 'client leaves in the middle of its upload',
  good: 'the upstream is told',
  run: port =>
    upstreamFor(
      () => undefined,
      async ({ url, open, connections }) => {
        const socket = send(port, `POST ${url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc`)
        while (connections() === 0) await new Promise(resolve => setTimeout(resolve, 5))
        socket.destroy()
        await patience(() => open() === 0)
        return open() === 0 ? 'the upstream is told' : '**the upstream waits**'
      },
    ),
}

const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket', 'X-Case: 1']
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Case: 1\r\n\r\n'

const upgradeReset: Probe = {
  title: 'client of an upgraded connection resets it',
  good: 'a reset',
  run: port => {
    let end = Promise.resolve('')
    const script: Script = (_, socket) => {
      end = Promise.race([endOf(socket), new Promise<string>(resolve => socket.once('end', () => resolve('a FIN')))])
      socket.write(SWITCHING)
    }
    const use = async ({ url }: TestUpstream) => {
      const socket = send(port, get(`${url}/`, ...UPGRADE))
      await readHead(socket)
      socket.resetAndDestroy()
      const seen = await within(end, '**nothing**')
      return seen === 'ECONNRESET' ? 'a reset' : seen
    }
    return upstreamFor(script, use, { early: true })
  },
}

const upgradeNames: Probe = {
  title: 'field names of a handshake, there and back',
  good: 'kept',
  run: port =>
    upstreamFor(
      (_, socket) => void socket.write(SWITCHING),
      async ({ url, seen }) => {
        const socket = send(port, get(`${url}/`, ...UPGRADE))
        const head = await within(readHead(socket), '')
        socket.destroy()
        const kept = [seen[0]?.head ?? '', head].map(text => text.includes('\r\nX-Case: 1'))
        return kept.every(Boolean) ? 'kept' : 'lower-cased'
      },
    ),
}

const upgradeRefused: Probe = {
  title: 'handshake answered 503, then 101',
  good: 'the client gets the 101',
  run: port =>
    upstreamFor(
      (seen, socket) => void socket.write(seen.number === 1 ? answer(503) : SWITCHING),
      async ({ url }) => {
        const socket = send(port, get(`${url}/`, ...UPGRADE))
        const head = await within(readHead(socket), '')
        socket.destroy()
        return `the client gets the ${head.slice(9, 12)}`
      },
    ),
}

/** The probes, in the order of the table. */
export const PROBES: readonly Probe[] = [
  fields,
  smuggling,
  leavers,
  cut,
  refused,
  repeated,
  path,
  slashes,
  extras,
  aborted,
  upgradeReset,
  upgradeNames,
  upgradeRefused,
]
