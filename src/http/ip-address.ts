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
