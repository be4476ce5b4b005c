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
  const value = ipv6Value(lower)
  return value >> 32n === MAPPED >> 32n ? { value: value & LOW, width: 32 } : { value, width: 128 }
}

/** One spelling for one IPv6 address, that of the URL class: groups only, the longest run of zeros as `::` (RFC 5952 §4). */
export function canonicalIpv6(address: string): string {
  const value = ipv6Value(address.toLowerCase())
  const words = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':')
  // Of runs as long as each other the first; a single zero is written out.
  const runs = [...words.matchAll(/\b0(?::0)+\b/g)]
  const [run] = runs.sort((a, b) => b[0].length - a[0].length)
  if (run === undefined) return words
  const end = run.index + run[0].length
  return `${words.slice(0, run.index).replace(/:$/, '')}::${words.slice(end).replace(/^:/, '')}`
}

/**
 * The IPv4 addresses that an IPv6 address is a wrapper of: whoever translates or unwraps it on the way sends it there.
 * IPv4-mapped ones are not among them: they are IPv4 to begin with.
 */
export function embeddedIpv4(address: string): readonly string[] {
  const lower = address.toLowerCase()
  if (!isIpv6(lower)) return []
  const value = ipv6Value(lower)
  // `::` and `::1` are no wrappers, though they lie in the range of those.
  if (value <= 1n) return []
  return WRAPPERS.flatMap(({ isOne, inside }) => (isOne(value) ? inside(value).map(dotted) : []))
}

const LOW = 0xffffffffn

const under = (prefix: bigint, bits: bigint) => (value: bigint) => value >> (128n - bits) === prefix
const last32 = (value: bigint): bigint[] => [value & LOW]
/** 32 bits from bit `at`, leaving out the octet of zeros at bit 64 (RFC 6052 §2.2). */
const split32 = (value: bigint, at: bigint): bigint => {
  const without = ((value >> 64n) << 56n) | (value & 0xffffffffffffffn)
  return (without >> (120n - at - 32n)) & LOW
}

type Wrapper = { readonly isOne: (value: bigint) => boolean; readonly inside: (value: bigint) => bigint[] }

const WRAPPERS: readonly Wrapper[] = [
  // IPv4-compatible (RFC 4291 §2.5.5.1) and IPv4-translated (RFC 2765 §2.1).
  { isOne: under(0n, 96n), inside: last32 },
  { isOne: under(0xffff0000n, 96n), inside: last32 },
  // NAT64: the well-known prefix (RFC 6052 §2.1), and the local one, cut up at any length (RFC 8215 §3).
  { isOne: under(0x64ff9b0000000000000000n, 96n), inside: last32 },
  {
    isOne: under(0x64ff9b0001n, 48n),
    // Cut at the wrong length, the zeros of the prefix come first; nobody is at 0.0.0.0/8 (RFC 1122 §3.2.1.3).
    inside: value =>
      [split32(value, 48n), split32(value, 56n), split32(value, 64n), value & LOW].filter(quad => quad >> 24n !== 0n),
  },
  // 6to4 (RFC 3056 §2), and Teredo, which names its server and, inverted, the client (RFC 4380 §4).
  { isOne: under(0x2002n, 16n), inside: value => [(value >> 80n) & LOW] },
  { isOne: under(0x20010000n, 32n), inside: value => [(value >> 64n) & LOW, (value & LOW) ^ LOW] },
  // ISATAP: an interface identifier under any prefix (RFC 5214 §6.1).
  { isOne: value => ((value >> 32n) & 0xfdffffffn) === 0x5efen, inside: last32 },
]

/** @param lower an IPv6 address in lower case */
function ipv6Value(lower: string): bigint {
  const tail = lower.slice(lower.lastIndexOf(':') + 1)
  // An IPv4 tail as two groups of four digits.
  const quads = tail.includes('.') ? quad(tail).toString(16).padStart(8, '0').replace(/^.{4}/, '$&:') : tail
  const [head = '', rest] = `${lower.slice(0, lower.length - tail.length)}${quads}`.split('::')
  const before = groups(head)
  const after = groups(rest ?? '')
  const gap = rest === undefined ? [] : new Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...gap, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

const quad = (text: string): bigint => text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)

const dotted = (value: bigint): string => [24n, 16n, 8n, 0n].map(shift => (value >> shift) & 0xffn).join('.')

const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
