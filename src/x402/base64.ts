/** The alphabet of RFC 4648 §4 with its padding, nothing else: no line breaks, no URL alphabet. */
const STANDARD = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** The bytes of standard, padded base64 in its one spelling (RFC 4648 §3.5); `undefined` for anything else. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!STANDARD.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

export const encodeBase64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')
