import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY = 86_400_000
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

/** A certificate with its key, and who signed it; the root has none above it. */
export type Link = {
  readonly cert: X509Certificate
  readonly keys: webcrypto.CryptoKeyPair
  readonly issuer: Link | undefined
}

export type LinkOptions = {
  readonly subject?: string
  readonly issuer?: Link
  /** In days from now. */
  readonly from?: number
  readonly until?: number
  readonly extensions?: readonly Extension[]
  readonly algorithm?: object
}

let serial = 0

/** One certificate as the caller wants it, good or not; signed by itself without an issuer. */
export async function makeLink(options: LinkOptions): Promise<Link> {
  const { subject = 'CN=link', issuer, from = -1, until = 30, extensions = [], algorithm = EC } = options
  const keys = (await webcrypto.subtle.generateKey(algorithm as never, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const cert = await X509CertificateGenerator.create(
    {
      serialNumber: (++serial).toString(16).padStart(4, '0'),
      subject,
      issuer: issuer?.cert.subject ?? subject,
      notBefore: new Date(Date.now() + from * DAY),
      notAfter: new Date(Date.now() + until * DAY),
      signingAlgorithm: (issuer?.keys.privateKey.algorithm.name === 'RSASSA-PKCS1-v1_5'
        ? issuer.keys.privateKey.algorithm
        : EC) as never,
      publicKey: keys.publicKey,
      signingKey: issuer?.keys.privateKey ?? keys.privateKey,
      extensions: [...extensions],
    },
    webcrypto as never,
  )
  return { cert, keys, issuer }
}

/** An authority with nothing but leaves below it, or no authority. */
export const isAuthority = (is: boolean): Extension => new BasicConstraintsExtension(is, is ? 0 : undefined, true)

/** The names that a certificate is for. */
export const names = (...sans: [type: 'dns' | 'ip', value: string][]): Pick<LinkOptions, 'extensions'> => ({
  extensions: [new SubjectAlternativeNameExtension(sans.map(([type, value]) => ({ type, value })))],
})

/** Nothing but what is below this name (RFC 5280 §4.2.1.10). */
export function onlyBelow(dns: string): Extension {
  const wrap = (tag: number, body: Buffer) => Buffer.concat([Buffer.from([tag, body.length]), body])
  const subtree = wrap(0x30, wrap(0x82, Buffer.from(dns)))
  return new Extension('2.5.29.30', true, new Uint8Array(wrap(0x30, wrap(0xa0, subtree))))
}

/** @param pathLength how many authorities may stand below it */
export const authority = (subject: string, issuer?: Link, pathLength?: number, ...more: Extension[]): Promise<Link> =>
  makeLink({
    subject: `CN=${subject}`,
    ...(issuer && { issuer }),
    extensions: [
      new BasicConstraintsExtension(true, pathLength, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ...more,
    ],
  })

export const leafFor = (issuer: Link, name: string, options: LinkOptions = {}, usage = SERVER_AUTH): Promise<Link> =>
  makeLink({
    subject: `CN=${name}`,
    issuer,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new ExtendedKeyUsageExtension([usage]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
    ],
    ...options,
  })

/** As a TLS server has it: the leaf and all above it but the root. */
export async function asServer(leaf: Link): Promise<{ cert: string; key: string }> {
  const chain: string[] = []
  for (let link: Link | undefined = leaf; link !== undefined; link = link.issuer) {
    if (link === leaf || link.issuer !== undefined) chain.push(link.cert.toString('pem'))
  }
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', leaf.keys.privateKey as never)).toString('base64')
  return { cert: chain.join('\n'), key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n` }
}
