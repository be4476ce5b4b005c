import { STORE_PASSWORD } from '../trust/java-trust-store.js'

/** A word of the variable; quotes keep blanks together. */
const WORD = /(?:[^\s"']|"[^"]*"|'[^']*')+/g

/**
 * `JAVA_TOOL_OPTIONS`: Java reads no proxy variable, only properties.
 * @param parent what the variable holds; properties that stand here as well are replaced
 * @param store the trust store; `undefined` leaves Java its own
 */
export function javaOptions(
  parent: string | undefined,
  proxyUrl: string,
  noProxy: readonly string[],
  store: string | undefined,
): string {
  const { hostname, port } = new URL(proxyUrl)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const properties: [name: string, value: string][] = [
    ...['http', 'https'].flatMap((scheme): [string, string][] => [
      [`${scheme}.proxyHost`, host],
      [`${scheme}.proxyPort`, port || '80'],
    ]),
    // Of both schemes, in spite of its name.
    ['http.nonProxyHosts', noProxy.flatMap(javaPatterns).join('|')],
    ...(store === undefined
      ? []
      : ([
          ['javax.net.ssl.trustStore', store],
          ['javax.net.ssl.trustStoreType', 'JKS'],
          ['javax.net.ssl.trustStorePassword', STORE_PASSWORD],
        ] as [string, string][])),
  ]
  const replaced = new Set(properties.map(([name]) => name))
  const words = [...(parent ?? '').matchAll(WORD)].map(([word]) => word)
  const kept = words.filter(word => !replaced.has(/^["']?-D([^=\s"']+)/.exec(word)?.[1] ?? ''))
  return [...kept, ...properties.map(([name, value]) => `-D${name}=${quoted(value)}`)].join(' ')
}

const quoted = (value: string): string => (/[\s']/.test(value) ? `"${value}"` : value)

/** One entry of NO_PROXY in the words of Java: `*` at an end, and no ports; networks of whole bytes only. */
function javaPatterns(entry: string): string[] {
  const network = /^(\d+)\.(\d+)\.(\d+)\.\d+\/(8|16|24)$/.exec(entry)
  if (network !== null) return [`${network.slice(1, 1 + Number(network[4]) / 8).join('.')}.*`]
  if (entry.includes('/')) return []
  const isIPv6 = /^[0-9a-f]*:[0-9a-f:.]*:/i.test(entry)
  if (isIPv6) return [`[${entry}]`]
  const host = entry.replace(/:\d+$/, '')
  if (/^[\d.]+$/.test(host) || host.startsWith('[')) return [host]
  const name = host.replace(/^\*?\./, '')
  return name === host ? [name, `*.${name}`] : [`*.${name}`]
}
