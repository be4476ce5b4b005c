import { Exchange } from '../exchange/exchange.js'
import type { ClientAnswer, MaybeBody } from '../exchange/lane.js'
import type { Services } from '../exchange/services.js'
import type { Admission } from './admission.js'
import type { ClientConnection } from './client-connection.js'
import type { Incoming } from './incoming.js'
import { closesConnection, giveOwn, giveRefusal } from './own-answer.js'

/** What every lane of HTTP/1.1 does once a request is judged, and there is a place for its answer. */
export function serveRequest(
  admission: Admission,
  request: Incoming,
  body: MaybeBody,
  answer: ClientAnswer,
  connection: ClientConnection,
  services: Services,
): void {
  if (admission.kind === 'own') return giveOwn(answer, admission.answer, request.method ?? '')
  if (admission.kind === 'refuse') {
    if (connection.surplus || closesConnection(admission.refusal)) connection.refuseRest()
    return giveRefusal(answer, admission.refusal, request, services)
  }
  const exchange = new Exchange(services, admission.plan, admission.head, body, answer)
  connection.attend(exchange)
  exchange.start()
}
