import { type Fields, fieldTokens, fieldValues } from './fields.js'

/**
 * Names of fields that carry a digest of the body, or a signature that may cover it: RFC 9530, RFC 9421 and its drafts,
 * the checksums of object stores, vendors' own. Too many rather than too few: a body that was changed under a signature
 * is refused by the upstream at best.
 */
const SIGNATURE_FIELD =
  /(?:^|-)(?:sign|signature|digest|hmac|jws|checksum|md5|sha-?\d+)(?:-|$)|(?:body|payload|content|goog)-hash$/
/** They ask for one, or sign something else: a purchase (x402). */
const NOT_OF_THE_BODY = /^(?:want-|accept-|(?:x-)?payment-)/

/** Schemes of `Authorization` that sign the request (AWS, Azure, Google, Akamai, OAuth 1.0, Hawk, HTTP Signatures, HMAC). */
const SIGNING_SCHEME =
  /^(?:aws\d*(?:-[a-z0-9-]+)?|goog4-[a-z0-9-]+|sharedkey(?:lite)?|eg1-[a-z0-9-]+|oauth|hawk|signature|.*hmac.*)$/

/**
 * Why the body of a request must stay as it is (I2): the lower-case name of the field that covers its bytes;
 * `undefined` when none does. A field that is announced as a trailer counts.
 */
export function coversBody(fields: Fields): string | undefined {
  if (fieldTokens(fields, 'content-encoding').some(coding => coding !== 'identity')) return 'content-encoding'
  if (fieldValues(fields, 'authorization').some(isSigning)) return 'authorization'
  const names = fields.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase())
  return [...names, ...fieldTokens(fields, 'trailer')].find(
    name => SIGNATURE_FIELD.test(name) && !NOT_OF_THE_BODY.test(name),
  )
}

const isSigning = (value: string): boolean => SIGNING_SCHEME.test(value.trim().split(/[ \t]/)[0]?.toLowerCase() ?? '')
