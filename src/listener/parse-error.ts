import type { Socket } from 'node:net'
import { refusalAnswer } from '../exchange/respond.js'
import type { Services } from '../exchange/services.js'
import type { RefusalCode } from '../faults.js'
import { answerHead } from '../wire/serialize-answer.js'
import { clientConnection } from './client-connection.js'
import { endGently } from './linger.js'
import { recordRefusal } from './own-answer.js'

/**
 * What Node's parser refused: answered by hand, because there is no response object, and the socket closed.
 * Nothing of it was forwarded. Whole requests before it are answered first; nothing is written into an answer.
 */
export function refuseUnparsed(error: Error, socket: Socket, services: Services): void {
  const connection = clientConnection(socket)
  // The parser complains once more about what we refused before: that answer stands, and it closes the socket.
  if (connection.dead && socket.writable && !connection.busy) return
  const reason = (error as { code?: string }).code ?? ''
  const isGone = isSocketError(error) || (connection.busy && reason === 'HPE_INVALID_EOF_STATE')
  if (!isGone && connection.refuseBehind(() => refuseAfter(error, reason, socket, services))) return
  connection.refuseRest()
  // A body that ends with its connection: the client left.
  if (isGone) {
    socket.destroy()
    return
  }
  const { code, detail } = describe(reason, error.message)
  if (connection.busy && connection.breakRequest(code, detail)) return
  if (!socket.writable || connection.busy) {
    socket.destroy()
    return
  }
  const id = services.newId()
  const own = refusalAnswer({ code, detail, exchange: id, outcome: 'not-sent' })
  recordRefusal(services, id, code, own, { method: '', host: '', path: '' })
  socket.write(answerHead(own.status, own.reason, [...own.fields, 'Connection', 'close']), 'latin1')
  endGently(socket, own.body)
}

/** The answers before it are out. Behind one that closes the connection nothing is looked at (RFC 9112 §9.6). */
function refuseAfter(error: Error, reason: string, socket: Socket, services: Services): void {
  if (socket.writable && reason !== 'HPE_CLOSED_CONNECTION') refuseUnparsed(error, socket, services)
}

/** The client left, with a reset say: that is no malformed request, and its exchange hears of it when the socket closes. */
const isSocketError = (error: Error): boolean => (error as NodeJS.ErrnoException).syscall !== undefined

function describe(code: string, message: string): { code: RefusalCode; detail: string } {
  if (code === 'HPE_HEADER_OVERFLOW') return { code: 'headers_too_large', detail: 'the request head is too large' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { code: 'request_timeout', detail: 'the request head did not arrive in time' }
  return { code: 'bad_request', detail: message.replace(/^Parse Error: */, '') || 'the request could not be parsed' }
}
