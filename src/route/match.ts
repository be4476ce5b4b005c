/** Which requests a route takes; every part that is given must agree, the first route in the file wins. */
export type Match = {
  readonly scheme: 'http' | 'https' | undefined
  /** Exact name, `*.suffix` or `*`; lower case; IPv6 without brackets. */
  readonly host: string
  readonly port: number | undefined
  /** Glob over the path: `*` within a segment, `**` across; `undefined` matches any. */
  readonly path: string | undefined
  readonly methods: readonly string[] | undefined
}
