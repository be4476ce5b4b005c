import { createHash } from 'node:crypto'

/** What Java's own `cacerts` has: it protects nothing, as everything in it is public. */
export const STORE_PASSWORD = 'changeit'

const MAGIC = 0xfeedfeed
const VERSION = 2
const TRUSTED_CERTIFICATE = 2

/**
 * A Java key store (JKS) of trusted certificates, in DER. JKS and not PKCS #12: every Java since 1.2 reads it whatever
 * its providers, and nothing in it needs encryption.
 */
export function javaTrustStore(certificates: readonly Buffer[]): Buffer {
  const head = Buffer.concat([uint32(MAGIC), uint32(VERSION), uint32(certificates.length)])
  const entries = certificates.map((der, index) =>
    Buffer.concat([
      uint32(TRUSTED_CERTIFICATE),
      text(`mulligan-${index}`),
      // When it was made, in Unix milliseconds: the same certificates shall give the same bytes.
      Buffer.alloc(8),
      text('X.509'),
      uint32(der.length),
      der,
    ]),
  )
  const body = Buffer.concat([head, ...entries])
  return Buffer.concat([body, integrity(body)])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** As `DataOutputStream.writeUTF` has it, for ASCII. */
const text = (value: string): Buffer =>
  Buffer.concat([Buffer.from([value.length >> 8, value.length & 255]), Buffer.from(value)])

/** The phrase is a part of the format: it salts the digest over the password in UTF-16 and the content. */
function integrity(body: Buffer): Buffer {
  const password = Buffer.from(STORE_PASSWORD, 'utf16le').swap16()
  return createHash('sha1').update(password).update('Mighty Aphrodite').update(body).digest()
}
