import { isIP } from 'node:net'

/**
 * Names that a certificate authority is limited to (RFC 5280 §4.2.1.10): IP addresses, and DNS names that stand for
 * themselves and everything below. `undefined` is no limit.
 */
export type CertifiedNames = readonly string[] | undefined

/** Stands for "no DNS name at all": an empty list of names would be no limit, and nobody can own this one (RFC 6761 §6.4). */
export const NO_DNS_NAME = 'invalid'

/** The limit that fits host patterns of routes. A limit cannot leave the suffix itself out, so `*.a.test` is `a.test`. */
export function namesFor(hosts: readonly string[] | undefined): CertifiedNames {
  if (hosts === undefined || hosts.includes('*')) return undefined
  const names = new Set(hosts.map(host => (isIP(host) === 0 ? host.replace(/^\*\./, '') : canonicalAddress(host))))
  return [...names].filter(name => !isBelow(name, names)).sort()
}

/** Whether everything in `wanted` may be certified under `limit`. */
export function covers(limit: CertifiedNames, wanted: CertifiedNames): boolean {
  if (limit === undefined) return true
  const limits = new Set(limit)
  return wanted?.every(name => limits.has(name) || isBelow(name, limits)) ?? false
}

/** What either allows. */
export function union(one: CertifiedNames, other: CertifiedNames): CertifiedNames {
  return one === undefined || other === undefined ? undefined : namesFor([...one, ...other])
}

/** Whether one of the limits stands above a DNS name. It is looked up by what follows each dot: there may be thousands. */
function isBelow(name: string, limits: ReadonlySet<string>): boolean {
  if (isIP(name) !== 0) return false
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    const above = name.slice(dot + 1)
    if (limits.has(above) && isIP(above) === 0) return true
  }
  return false
}

/** The one spelling of an address: `::ffff:1.2.3.4` and `0::ffff:102:304` are the same. */
export function canonicalAddress(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address
}

/**
 * The limit inside a certificate, read without a library: starting with a certificate authority at hand costs nothing.
 * @param certificate DER that OpenSSL has taken @throws RangeError when the extension is not well-formed
 */
export function readNames(certificate: Buffer): CertifiedNames {
  const body = children(children(certificate)[0]?.body)[0]?.body
  const extensions = children(children(body).find(({ tag }) => tag === EXTENSIONS)?.body)[0]?.body
  const extension = children(extensions)
    .map(({ body }) => children(body))
    .find(([id]) => id?.body.equals(NAME_CONSTRAINTS))
  if (extension === undefined) return undefined
  const constraints = children(children(extension.at(-1)?.body)[0]?.body)
  const permitted = children(constraints.find(({ tag }) => tag === PERMITTED)?.body)
  const names = permitted.flatMap(({ body }) => readName(children(body)[0]))
  return names.filter(name => name !== NO_DNS_NAME).sort()
}

const EXTENSIONS = 0xa3
const PERMITTED = 0xa0
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87
/** id-ce-nameConstraints, 2.5.29.30. */
const NAME_CONSTRAINTS = Buffer.from('551d1e', 'hex')

type Node = { readonly tag: number; readonly body: Buffer }

function readName(base: Node | undefined): string[] {
  if (base?.tag === DNS_NAME) return [base.body.toString('latin1')]
  if (base?.tag !== IP_ADDRESS) return []
  const { length } = base.body
  const [address, mask] = [base.body.subarray(0, length / 2), base.body.subarray(length / 2)]
  // We only ever name single addresses; a network is left out, and so counts as not covered.
  if (mask.some(byte => byte !== 0xff)) return []
  if (address.length === 4) return [address.join('.')]
  return [canonicalAddress((address.toString('hex').match(/.{4}/g) ?? []).join(':'))]
}

/** The elements of a constructed DER value. */
function children(body: Buffer = Buffer.alloc(0)): Node[] {
  const nodes: Node[] = []
  let at = 0
  while (at < body.length) {
    const tag = body.readUInt8(at)
    let length = body.readUInt8(at + 1)
    at += 2
    if (length > 0x7f) {
      const octets = length & 0x7f
      length = body.readUIntBE(at, octets)
      at += octets
    }
    nodes.push({ tag, body: body.subarray(at, at + length) })
    at += length
  }
  return nodes
}
