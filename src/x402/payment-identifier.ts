import { isObject } from '../json/read.js'
import { locate } from '../json/scan.js'
import { insertMember } from '../json/splice.js'

/** Extension of x402 v2 by which a server gives a lost answer again (P6). */
const EXTENSION = 'payment-identifier'

/** A name for one payment. @param random 16 bytes, fresh for every payment */
export const paymentIdentifier = (random: Buffer): string => `pay_${random.toString('hex', 0, 16)}`

/**
 * Whether the server takes an identifier of ours. One that it chose itself is none: its info must go back unchanged, and
 * an identifier that somebody else knows proves nothing.
 */
export function isIdentifierWanted(extensions: unknown): boolean {
  const extension = isObject(extensions) ? extensions[EXTENSION] : undefined
  const info = isObject(extension) ? extension['info'] : undefined
  return isObject(info) && typeof info['required'] === 'boolean' && !Object.hasOwn(info, 'id')
}

/** The server's extensions as they came, with our identifier where it belongs. */
export function withIdentifier(extensionsJson: string, identifier: string): string {
  const text = insertMember(Buffer.from(extensionsJson), [EXTENSION, 'info', 'id'], JSON.stringify(identifier))
  return typeof text === 'string' ? extensionsJson : text.toString('utf8')
}

/** The same with every other extension left out: an echo may leave out whole ones. */
export function identifierAlone(extensionsJson: string, identifier: string): string {
  const text = Buffer.from(withIdentifier(extensionsJson, identifier))
  const located = locate(text, [EXTENSION])
  return located.kind === 'found' ? `{"${EXTENSION}":${text.toString('utf8', located.start, located.end)}}` : '{}'
}
