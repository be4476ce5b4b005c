import { domainToASCII } from 'node:url'
import { z } from 'zod'
import { parseNoProxy, splitNoProxy } from '../http/no-proxy.js'
import type { ProxySettings, SecretRef } from './config.js'
import { cidr } from './network.js'
import { type ProxyUrl, parseProxyUrl } from './proxy-url.js'
import { choice, key, kinds, list, text, words, yesNo } from './scalars.js'
import { secret } from './secrets-schema.js'
import { isWrong, type Wrong, wrong } from './wrong.js'

const PROXY = 'a URL such as http://proxy.example:3128'

const proxyBlock = z
  .strictObject({
    url: key(
      'The proxy.',
      text({ expects: PROXY, type: 'URL' }, value => {
        const url = parseProxyUrl(value)
        const twice = !isWrong(url) && (url.username !== undefined || url.password !== undefined)
        return twice ? wrong('the user name and password are keys of their own here: username, password') : url
      }),
    ),
    username: key('User name it asks for.', secret()).optional(),
    password: key('Password it asks for.', secret()).optional(),
  })
  .superRefine(({ username, password }, context) => {
    if (password !== undefined && username === undefined)
      context.addIssue({ code: 'custom', message: 'a password needs a username' })
  })
  .transform(({ url, username, password }) => settingsOf(url, username, password))

const proxyUrl = text({ expects: PROXY, type: 'URL' }, value => {
  const url = parseProxyUrl(value)
  if (isWrong(url)) return url
  return settingsOf(url, literal(url.username ?? (url.password && '')), literal(url.password))
})

const literal = (value: string | undefined): SecretRef | undefined =>
  value === undefined ? undefined : { literal: value }

function settingsOf(url: ProxyUrl, username: SecretRef | undefined, password: SecretRef | undefined): ProxySettings {
  const { scheme, host, port } = url
  return { scheme, host, port, auth: username && { username, password } }
}

/** The next hop. Words come first: what is none of them was meant as a URL, and is judged as one. */
const proxy = z
  .union([z.enum(['off', 'env']), z.literal(false), proxyBlock, proxyUrl])
  .transform((value): ProxySettings | undefined =>
    value === 'off' || value === false ? undefined : (value as ProxySettings),
  )
  .register(kinds, {
    expects: `${PROXY}, a block with url, username and password, env, or off`,
    type: 'URL | block | env | off',
  })

const noProxyEntry = () =>
  text({ expects: 'a host, an address or a network', type: 'host | network' }, parseNoProxyEntry)

/** Brought to punycode; what it means is read by `http/no-proxy.ts`. */
function parseNoProxyEntry(value: string): string | Wrong {
  if (value.includes('://')) return wrong(`"${value}" is a URL; write the host alone, or host:port`)
  const entry = toAscii(value)
  if (parseNoProxy(entry) !== undefined) return entry
  return wrong(`"${value}" is none of host, .host, *.host, host:port, an address or a network such as 10.0.0.0/8`)
}

/** A name in other letters, in the form in which requests name it; anything else as it is. */
const toAscii = (value: string): string =>
  value.toLowerCase().replace(/[^.:*]*[^\x00-\x7f][^.:*]*/g, label => domainToASCII(label) || label)

const noProxy = z
  .union([z.string().transform(splitNoProxy).pipe(z.array(noProxyEntry()).max(1_024)), list(noProxyEntry(), 0, 1_024)])
  .register(kinds, {
    expects: 'a list of hosts and networks, or one text with commas between them',
    type: 'list (host | network) | text',
  })

/** The block `egress`. */
export const egress = z.strictObject({
  proxy: key(
    'Next hop: the HTTP proxy that requests go on through; `env` reads the usual variables.',
    proxy,
  ).optional(),
  no_proxy: key('Hosts that do not go through it; nothing is looked up to tell.', noProxy.default([])),
  ca_file: key('PEM file of further roots to trust upstreams and the next hop by.', words('a path', 'path')).optional(),
  h2: key('Offer HTTP/2 to `https` upstreams; those that choose HTTP/1.1 get that.', yesNo().default(true)),
  unmatched: key(
    'Requests that no route takes: `pass`, or `deny` (allow-list mode).',
    choice('pass', 'deny').default('pass'),
  ),
  deny: key(
    'Networks never dialled, checked after DNS; link-local and metadata addresses always are, unless a route names the address.',
    list(cidr(), 0).default([]),
  ),
})
