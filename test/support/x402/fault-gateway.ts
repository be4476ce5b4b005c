import { connect, type Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { resetSocket } from '../../../src/upstream/reset-socket.js'
import { type Answer, readAnswer } from '../client.js'
import { seeded } from '../random.js'
import { answer, type Seen, startUpstream } from '../upstream.js'

/** What goes wrong on the way to a seller and back. After `-before` the seller has seen nothing. */
export const FAULTS = [
  'reset-before',
  'reset-after',
  '503-before',
  '503-after',
  /** The words of the official middleware whose facilitator settled but did not answer in time. */
  '502-after',
  'truncated-body',
] as const
type Fault = (typeof FAULTS)[number]

export type FaultGatewayOptions = {
  /** Part of the requests that meet a fault, in [0, 1]. */
  readonly rate: number
  readonly seed: number
  /** Which may occur, each as likely as the others. Default: all. */
  readonly faults?: readonly Fault[]
  /** Which requests may meet one. Default: all, paid or not. */
  readonly only?: (seen: Seen) => boolean
  readonly tls?: TlsOptions
}

export type FaultGateway = {
  readonly port: number
  readonly url: string
  /** Every request as it came in, complete. */
  readonly seen: readonly Seen[]
  readonly dealt: Readonly<Record<Fault, number>>
  /** Connections accepted so far, and open now. */
  readonly connections: () => number
  readonly open: () => number
  /** From now on no faults, or faults again. */
  readonly behave: (well: boolean) => void
  readonly close: () => Promise<void>
}

/** A bad line in front of a server on loopback. The faults follow from the seed and the order in which requests come. */
export async function startFaultGateway(upstreamPort: number, options: FaultGatewayOptions): Promise<FaultGateway> {
  const { rate, seed, faults = FAULTS, only = () => true, tls } = options
  const random = seeded(seed)
  const dealt = Object.fromEntries(FAULTS.map(fault => [fault, 0])) as Record<Fault, number>
  let well = false
  const deal = (seen: Seen): Fault | undefined => {
    if (well || !only(seen) || random() >= rate) return undefined
    const fault = faults[Math.floor(random() * faults.length)]!
    dealt[fault]++
    return fault
  }
  const script = async (seen: Seen, socket: Socket) => serve(upstreamPort, seen, socket, deal(seen))
  const { port, url, seen, connections, open, close } = await startUpstream(script, tls === undefined ? {} : { tls })
  const behave = (good: boolean) => {
    well = good
  }
  return { port, url, seen, dealt, connections, open, behave, close }
}

async function serve(port: number, seen: Seen, socket: Socket, fault: Fault | undefined): Promise<string | undefined> {
  if (fault === '503-before') return answer(503, 'no seller at hand')
  if (fault === 'reset-before') return void resetSocket(socket)
  const reply = await forward(port, seen)
  if (fault === 'reset-after' || reply.broken) return void resetSocket(socket)
  if (fault === '503-after') return answer(503, 'the seller went away')
  if (fault === '502-after') return answer(502, '{"error":"Facilitator settle request timed out after 30000ms"}')
  const bytes = Buffer.concat([Buffer.from(`${withLength(reply)}\r\n\r\n`, 'latin1'), reply.body])
  if (fault === 'truncated-body') {
    socket.end(bytes.subarray(0, bytes.length - Math.ceil(reply.body.length / 2)))
    return undefined
  }
  socket.write(bytes)
  return undefined
}

/** Sends the request on, on a connection of its own, and reads the answer whole. */
async function forward(port: number, { head, body, method }: Seen): Promise<Answer> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const reply = readAnswer(socket, method)
  const fields = head.replace(/\r\n(?:transfer-encoding|content-length|connection|expect): *[^\r]*/gi, '')
  const length = body.length > 0 || method === 'POST' ? `\r\nContent-Length: ${body.length}` : ''
  socket.write(Buffer.concat([Buffer.from(`${fields}${length}\r\nConnection: close\r\n\r\n`, 'latin1'), body]))
  const answered = await reply
  socket.destroy()
  return answered
}

/** The answer's head, its body framed by length, on a connection that stays. */
function withLength({ head, body }: Answer): string {
  const fields = head.replace(/\r\n(?:transfer-encoding|content-length|connection|keep-alive): *[^\r]*/gi, '')
  return `${fields}\r\nContent-Length: ${body.length}`
}
