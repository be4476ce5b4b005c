import { encodeBase64 } from './base64.js'
import { identifierAlone, withIdentifier } from './payment-identifier.js'
import type { ExactRequirement } from './requirement.js'
import type { Offer } from './terms.js'

/** A header field of a request. */
export type PaymentField = { readonly name: 'X-PAYMENT' | 'PAYMENT-SIGNATURE'; readonly value: string }

/** Servers commonly take 16 KiB of fields in all; echoed extensions, with their schemas, must leave room for the others. */
const MOST_VALUE = 8_192

/**
 * What goes to the server: the payload, and the server's own words back to it as they came, since it compares them with
 * what it offers now. The field is money until it ends: a secret.
 * @param payload JSON of the scheme @param identifier ours, for a server that takes one
 */
export function paymentField(
  offer: Offer,
  requirement: ExactRequirement,
  payload: string,
  identifier: string | undefined,
): PaymentField {
  if (offer.version === 1) {
    const network = JSON.stringify(requirement.network)
    const text = `{"x402Version":1,"scheme":"exact","network":${network},"payload":${payload}}`
    return { name: 'X-PAYMENT', value: encodeBase64(text) }
  }
  const name = identifier !== undefined && offer.identifier ? identifier : undefined
  const whole = encodeBase64(secondVersion(offer, requirement, payload, extensionsOf(offer, name)))
  if (whole.length <= MOST_VALUE) return { name: 'PAYMENT-SIGNATURE', value: whole }
  const least = name === undefined ? undefined : identifierAlone(offer.extensionsJson ?? '', name)
  return { name: 'PAYMENT-SIGNATURE', value: encodeBase64(secondVersion(offer, requirement, payload, least)) }
}

function extensionsOf({ extensionsJson }: Offer, identifier: string | undefined): string | undefined {
  if (extensionsJson === undefined || identifier === undefined) return extensionsJson
  return withIdentifier(extensionsJson, identifier)
}

function secondVersion(
  { resourceJson }: Offer,
  { json }: ExactRequirement,
  payload: string,
  extensions: string | undefined,
): string {
  const resource = resourceJson === undefined ? '' : `,"resource":${resourceJson}`
  const echoed = extensions === undefined ? '' : `,"extensions":${extensions}`
  return `{"x402Version":2${resource},"accepted":${json},"payload":${payload}${echoed}}`
}
