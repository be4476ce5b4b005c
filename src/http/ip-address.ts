const GROUP = /^[0-9a-f]{1,4}$/
const DOTTED_QUAD = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

/** Four decimal numbers without leading zeros: the only spelling of an IPv4 address that all resolvers read alike. */
export const isIpv4 = (text: string): boolean => DOTTED_QUAD.test(text)

/** An IPv6address of RFC 3986 §3.2.2, in lower case, without brackets and without a zone id. */
export function isIpv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.map(half => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1) ?? []
  const tail = last.at(-1)
  if (tail?.includes('.')) {
    if (!isIpv4(tail)) return false
    // An IPv4 tail stands for the last two groups.
    last.splice(-1, 1, '0', '0')
  }
  const all = groups.flat()
  if (!all.every(group => GROUP.test(group))) return false
  // `::` stands for at least one group.
  return halves.length === 2 ? all.length <= 7 : all.length === 8
}

/** An address as a number; `width` is 32 or 128 bits. */
export type IpNumber = { readonly value: bigint; readonly width: 32 | 128 }

const MAPPED = 0xffffn << 32n

/** One number for one address: an IPv4-mapped IPv6 address is its IPv4 (RFC 4291 §2.5.5.2). `undefined`: not an address. */
export function ipNumber(text: string): IpNumber | undefined {
  if (isIpv4(text)) return { value: quad(text), width: 32 }
  const lower = text.toLowerCase()
  if (!isIpv6(lower)) return undefined
  const tail = lower.slice(lower.lastIndexOf(':') + 1)
  // An IPv4 tail as two groups of four digits.
  const quads = tail.includes('.') ? quad(tail).toString(16).padStart(8, '0').replace(/^.{4}/, '$&:') : tail
  const [head = '', rest] = `${lower.slice(0, lower.length - tail.length)}${quads}`.split('::')
  const before = groups(head)
  const after = groups(rest ?? '')
  const gap = rest === undefined ? [] : new Array<string>(8 - before.length - after.length).fill('0')
  const value = [...before, ...gap, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
  return value >> 32n === MAPPED >> 32n ? { value: value & 0xffffffffn, width: 32 } : { value, width: 128 }
}

const quad = (text: string): bigint => text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)

const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
