import type { Socket } from 'node:net'
import type { FaultName } from '../faults.js'
import { type Authority, formatAuthority } from '../http/authority.js'
import { ResponseParser } from '../wire/response-parser.js'
import type { ProxyHop } from './egress-proxy.js'
import { type AttemptFault, errorCode } from './to-fault.js'

export type TunnelRequest = {
  readonly to: Authority
  /** The value of `Via`: through it a circle of proxies finds out that it is one (FP-09). */
  readonly via: string
}

/** The head of an answer to CONNECT, and how many 1xx heads may precede it. */
const LIMITS = { headBytes: 65_536, interimMax: 8 }

/**
 * Asks a next hop for a tunnel (RFC 9110 §9.3.6). Calls `done` once, without a fault when the socket leads to the target;
 * what the target has said already is on the socket. @returns stops listening, and says nothing any more
 */
export function requestTunnel(
  socket: Socket,
  hop: ProxyHop,
  request: TunnelRequest,
  done: (fault: AttemptFault | undefined) => void,
): () => void {
  let error: unknown
  const onData = (chunk: Buffer) => {
    const fault = parser.feed(chunk)
    if (fault !== undefined) settle(gone(fault.details))
  }
  const onError = (reason: unknown) => {
    error = reason
  }
  const onEnd = () => settle(gone(errorCode(error) || 'closed before an answer to CONNECT'))
  const stop = () => {
    socket.pause()
    socket.removeListener('data', onData).removeListener('end', onEnd)
    socket.removeListener('error', onError).removeListener('close', onEnd)
  }
  let settled = false
  const settle = (fault: AttemptFault | undefined) => {
    if (settled) return
    settled = true
    stop()
    done(fault)
  }
  const parser = new ResponseParser(
    {
      onInterim: () => undefined,
      onHead: ({ status }) => settle(refusedWith(status)),
      onBody: () => undefined,
      onEnd: () => undefined,
      onUpgrade: (_head, rest) => {
        stop()
        if (rest.length > 0) socket.unshift(rest)
        settle(undefined)
      },
    },
    LIMITS,
  )
  socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd)
  parser.begin('CONNECT')
  socket.write(connectHead(hop, request), 'latin1')
  return () => {
    settled = true
    stop()
  }
}

function connectHead({ authorization }: ProxyHop, { to, via }: TunnelRequest): string {
  const authority = formatAuthority(to)
  const credential = authorization === undefined ? '' : `Proxy-Authorization: ${authorization}\r\n`
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nVia: ${via}\r\n${credential}\r\n`
}

/** Nothing of the request was sent, whatever became of the tunnel: always the phase `connect`. */
const gone = (details: string): AttemptFault => ({ fault: 'connection_terminated', phase: 'connect', details })

/** What the next hop says of the way on: another try may find it open, or it is closed by somebody's rule. */
const MEANINGS: Readonly<Record<number, FaultName>> = {
  403: 'http_request_denied',
  408: 'destination_unavailable',
  425: 'destination_unavailable',
  429: 'destination_unavailable',
  451: 'http_request_denied',
  501: 'proxy_configuration_error',
  504: 'connection_timeout',
  508: 'proxy_loop_detected',
}

/** An answer of the next hop that is its own, and not the upstream's. @param status other than 2xx */
export function refusedWith(status: number): AttemptFault {
  const fault = MEANINGS[status] ?? (status >= 500 ? 'destination_unavailable' : 'proxy_configuration_error')
  return { fault, phase: 'connect', details: `answered ${status}` }
}
