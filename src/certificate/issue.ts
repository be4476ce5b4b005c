import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  NameConstraints,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509'
import { type CertifiedNames, canonicalAddress, NO_DNS_NAME } from './certified-names.js'

// The only file that knows ASN.1, and itself loaded when the first certificate is made: the library costs 60 ms at start.

/** From when to when, in Unix milliseconds. X.509 knows whole seconds: fractions are dropped. */
export type Lifetime = { readonly notBefore: number; readonly notAfter: number }

const COMMON_NAME = '2.5.4.3'
const ORGANIZATION = '2.5.4.10'
const ECDSA_WITH_SHA256 = new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' })

/**
 * A self-signed certificate for a key on P-256, as PEM.
 * @param earlier PEM of a certificate of the same key, whose subject is kept: what it vouched for, this one does too.
 */
export function issueAuthority(key: KeyObject, names: CertifiedNames, life: Lifetime, earlier?: string): string {
  const publicKey = publicKeyInfo(createPublicKey(key))
  const subject = earlier === undefined ? newSubject() : parsePem(earlier).tbsCertificate.subject
  const id = keyIdentifier(publicKey)
  const extensions = [
    extension(id_ce_basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }), 'critical'),
    extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign), 'critical'),
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(id)),
    extension(id_ce_authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(id) })),
    ...(names === undefined ? [] : [extension(id_ce_nameConstraints, constraints(names), 'critical')]),
  ]
  return signed({ issuer: subject, subject, publicKey, life, extensions }, key)
}

/** Makes certificates for one server key, as PEM, each for one host: a DNS name or an IP address. */
export type IssueLeaf = (host: string, life: Lifetime) => string

/** @param authority PEM of the issuer @param key its private key @param server public key of the leaves */
export function leafIssuer(authority: string, key: KeyObject, server: KeyObject): IssueLeaf {
  const { subject: issuer, subjectPublicKeyInfo } = parsePem(authority).tbsCertificate
  const publicKey = publicKeyInfo(server)
  const authorityId = new KeyIdentifier(keyIdentifier(subjectPublicKeyInfo))
  const common = [
    extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature), 'critical'),
    extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdentifier(publicKey))),
    // Strict verifiers (Python from 3.13 on) insist on it.
    extension(id_ce_authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier: authorityId })),
  ]
  return (host, life) => {
    const name = isIP(host) === 0 ? { dNSName: host } : { iPAddress: canonicalAddress(host) }
    const names = new SubjectAlternativeName([new GeneralName(name)])
    // RFC 5280 §4.2.1.6: critical, because it stands in for the empty subject. A CN could not hold more than 64 octets.
    const extensions = [extension(id_ce_subjectAltName, names, 'critical'), ...common]
    return signed({ issuer, subject: new Name(), publicKey, life, extensions }, key)
  }
}

type Contents = {
  readonly issuer: Name
  readonly subject: Name
  readonly publicKey: SubjectPublicKeyInfo
  readonly life: Lifetime
  readonly extensions: readonly Extension[]
}

function signed({ issuer, subject, publicKey, life, extensions }: Contents, key: KeyObject): string {
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: arrayBuffer(serialNumber()),
    signature: ECDSA_WITH_SHA256,
    issuer,
    validity: new Validity({ notBefore: new Date(life.notBefore), notAfter: new Date(life.notAfter) }),
    subject,
    subjectPublicKeyInfo: publicKey,
    extensions: new Extensions([...extensions]),
  })
  const body = Buffer.from(AsnConvert.serialize(tbsCertificate))
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: ECDSA_WITH_SHA256,
    signatureValue: arrayBuffer(sign('sha256', body, key)),
  })
  return toPem(Buffer.from(AsnConvert.serialize(certificate)))
}

/** 126 random bits; the first octet makes it positive and minimal (RFC 5280 §4.1.2.2, X.690 §8.3.2). */
function serialNumber(): Buffer {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return serial
}

/** The number tells apart authorities of several machines, or of before and after a rotation, in a list of trusted ones. */
function newSubject(): Name {
  const attribute = (type: string, text: string) =>
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String: text }) }),
    ])
  const number = randomBytes(3).toString('hex')
  return new Name([attribute(ORGANIZATION, 'mulligan'), attribute(COMMON_NAME, `mulligan local CA ${number}`)])
}

function constraints(names: readonly string[]): NameConstraints {
  const dns = names.filter(name => isIP(name) === 0)
  const addresses = names.filter(name => isIP(name) !== 0)
  // A kind of name that is not mentioned is not limited, and for some verifiers each family of addresses is a kind.
  const permitted = [
    ...(dns.length === 0 ? [NO_DNS_NAME] : dns).map(dNSName => subtree({ dNSName })),
    ...addresses.map(address => subtree({ iPAddress: `${address}/${isIP(address) === 4 ? 32 : 128}` })),
  ]
  const unnamed = [4, 6].filter(family => !addresses.some(address => isIP(address) === family))
  const excluded = unnamed.map(family => subtree({ iPAddress: family === 4 ? '0.0.0.0/0' : '::/0' }))
  return new NameConstraints({
    permittedSubtrees: new GeneralSubtrees(permitted),
    ...(excluded.length > 0 ? { excludedSubtrees: new GeneralSubtrees(excluded) } : {}),
  })
}

const subtree = (base: Partial<GeneralName>) => new GeneralSubtree({ base: new GeneralName(base) })

const extension = (extnID: string, value: unknown, critical?: 'critical') =>
  new Extension({
    extnID,
    critical: critical !== undefined,
    extnValue: new OctetString(AsnConvert.serialize(value)),
  })

const publicKeyInfo = (key: KeyObject): SubjectPublicKeyInfo =>
  AsnConvert.parse(key.export({ type: 'spki', format: 'der' }), SubjectPublicKeyInfo)

/** RFC 5280 §4.2.1.2, method 1. */
const keyIdentifier = ({ subjectPublicKey }: SubjectPublicKeyInfo): ArrayBuffer =>
  arrayBuffer(createHash('sha1').update(Buffer.from(subjectPublicKey)).digest())

/** A copy of its own: a small Buffer is a slice of a larger pool. */
const arrayBuffer = (buffer: Buffer): ArrayBuffer => new Uint8Array(buffer).buffer

const parsePem = (pem: string): Certificate =>
  AsnConvert.parse(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'), Certificate)

function toPem(der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}(?!$)/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}
