const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g

/** A certificate as base64 without line breaks: two are the same when their text is. */
export type Certificate = string

/** The certificates of a PEM text, in its order; keys, comments and what is damaged are left out. */
export function certificatesIn(pem: string): Certificate[] {
  return [...pem.matchAll(BLOCK)].map(([, body = '']) => body.replaceAll(/\s/g, '')).filter(body => body !== '')
}

/** The text of a PEM file with these certificates, each once (RFC 7468 §5). */
export function pemOf(certificates: readonly Certificate[]): string {
  return [...new Set(certificates)].map(armour).join('')
}

export const derOf = (certificate: Certificate): Buffer => Buffer.from(certificate, 'base64')

const armour = (certificate: Certificate): string =>
  `-----BEGIN CERTIFICATE-----\n${certificate.replaceAll(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`
