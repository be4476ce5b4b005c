import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { readRequests, type StrictRequest } from './strict-request.js'

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

export type StrictUpstream = {
  readonly authority: string
  /** What came, in all connections, once they are over. */
  readonly requests: () => StrictRequest[]
  /** What no strict reader takes, with the bytes of its connection. */
  readonly flaws: () => string[]
  readonly close: () => Promise<unknown>
}

/** An upstream that answers every request that `readRequests` takes, and nothing else. @param host a loopback address of its own */
export async function startStrictUpstream(host: string): Promise<StrictUpstream> {
  const done: StrictRequest[] = []
  const open = new Set<Socket>()
  const flaws: string[] = []
  const server = createServer(socket => {
    open.add(socket)
    let text = ''
    let last: StrictRequest | undefined
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      const { requests, flaw } = readRequests(text)
      const whole = requests.filter(request => request.whole)
      done.push(...whole)
      last = requests.find(request => !request.whole)
      text = text.slice(whole.at(-1)?.end ?? 0)
      socket.write(ANSWER.repeat(whole.length))
      if (last?.fields.some(name => name.toLowerCase() === 'expect')) socket.write(CONTINUE)
      if (flaw === undefined || flaw.startsWith('the bytes end')) return
      flaws.push(`${flaw}: ${JSON.stringify(text)}`)
      socket.destroy()
    })
    socket.on('close', () => {
      open.delete(socket)
      if (last !== undefined) done.push(last)
    })
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    authority: `${host}:${port}`,
    requests: () => done,
    flaws: () => flaws,
    close: async () => {
      server.close()
      const gone = [...open].map(socket => once(socket, 'close'))
      for (const socket of open) socket.destroy()
      await Promise.all(gone)
    },
  }
}
