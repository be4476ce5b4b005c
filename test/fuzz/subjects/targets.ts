import { isIP } from 'node:net'
import { formatAuthority, parseAuthority } from '../../../src/http/authority.js'
import { canonicalIpv6, embeddedIpv4, ipNumber, isIpv4, isIpv6 } from '../../../src/http/ip-address.js'
import { matchesNoProxy, parseNoProxy, splitNoProxy } from '../../../src/http/no-proxy.js'
import { parameterValues, setParameter } from '../../../src/http/query-parameter.js'
import { parseTarget } from '../../../src/http/request-target.js'
import { compilePath } from '../../../src/route/pattern.js'
import { type Dice, type Subject, wrongly } from '../../support/fuzz.js'

const HOSTS = ['a.test', 'A.b-c.Test', '127.0.0.1', '[::1]', '[2001:db8::a:1]', 'x_1', 'a.test.', 'localhost', '1.a']
const PORTS = ['', ':80', ':443', ':65535', ':0', ':8080', ':080', ':']
const WORDS = [
  ':',
  '/',
  '?',
  '#',
  '@',
  '[',
  ']',
  '%',
  '%2f',
  '.',
  '..',
  '0x7f',
  '127.1',
  '::',
  ' ',
  '\t',
  '\r\n',
  '\\',
  '*',
]
const ADDRESSES = [
  '1.2.3.4',
  '255.255.255.255',
  '::',
  '::1',
  '1::',
  '1:2:3:4:5:6:7:8',
  '1:2:3::7:8',
  '::ffff:1.2.3.4',
  '64:ff9b::1.2.3.4',
  'fe80::1%eth0',
  '1:2:3:4:5:6:1.2.3.4',
]
const DIGITS = ['0', '1', '9', 'a', 'f', ':', '::', '.', '25', '256', '00', 'ffff', '12345', '%', '1.2.3.4', ',']

const authority = (dice: Dice): string => dice.pick(HOSTS) + dice.pick(PORTS)
const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined)

/** What WHATWG's parser makes of the same host; names in it are ASCII here. */
function hostByUrl(host: string): string | undefined {
  return urlOf(`http://${host.includes(':') ? `[${host}]` : host}/`)?.hostname
}

function sameHost(host: string): boolean {
  const other = hostByUrl(host)?.replace(/^\[(.*)\]$/, '$1')
  if (other === undefined) return false
  return host.includes(':') ? ipNumber(other)?.value === ipNumber(host)?.value : other === host
}

const targets: Subject = {
  parser: 'http/request-target.ts parseTarget',
  promise: "has the URL class's host and port, the client's own path, and itself when it is written and read again",
  weight: 5,
  run: dice => {
    const path = dice.pick(['', '/', '/a//b', '?x', '/a?b=c&d', '/%2f|"', '/../a'])
    const method = dice.pick(['GET', 'POST', 'CONNECT', 'OPTIONS'])
    const written =
      method === 'CONNECT' ? authority(dice) : dice.pick(['http://', 'https://', 'HTTP://']) + authority(dice) + path
    const raw = dice.chance(0.8) ? dice.mutate(written, WORDS) : dice.from(['*', '/a', written], WORDS)
    const target = parseTarget(method, raw)
    if (target === undefined || target.form === 'asterisk') return undefined
    if (/[^\x21-\x7e]|#/.test(raw)) return wrongly(raw, target)
    if (target.form === 'origin') return target.path === raw ? undefined : wrongly(raw, target)
    if (target.form === 'authority') return sameHost(target.host) ? undefined : wrongly(raw, target)
    const { scheme, host, port, path: kept } = target
    const url = urlOf(raw)
    const portByUrl = url?.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url?.port)
    const isFit = sameHost(host) && port === portByUrl && url?.username === '' && url.protocol === `${scheme}:`
    const isOwn = raw.endsWith(kept) || kept === '/' || kept === '*' || raw.endsWith(kept.slice(1))
    if (!isFit || !isOwn) return wrongly(raw, target)
    const again = kept === '*' ? target : parseTarget(method, `${scheme}://${target.authority}${kept}`)
    return JSON.stringify(again) === JSON.stringify(target) ? undefined : wrongly(raw, target, again)
  },
}

const authorities: Subject = {
  parser: 'http/authority.ts parseAuthority formatAuthority',
  promise: 'is read again as it was, and its host is what the URL class reads',
  weight: 3,
  run: dice => {
    const text = dice.from([authority(dice)], WORDS)
    const parsed = parseAuthority(text, dice.chance(0.5) ? 80 : undefined)
    if (parsed === undefined) return undefined
    const again = parseAuthority(formatAuthority(parsed), undefined)
    const isSame = again?.host === parsed.host && again.port === parsed.port && sameHost(parsed.host)
    return isSame && parsed.port > 0 && parsed.port < 65_536 ? undefined : wrongly(text, parsed, again)
  },
}

const addresses: Subject = {
  parser: 'http/ip-address.ts isIpv4 isIpv6 ipNumber canonicalIpv6',
  promise: 'are the addresses of node:net, zone ids aside, with the numbers that the URL class reads',
  weight: 5,
  run: dice => {
    const text = dice.from(ADDRESSES, DIGITS).toLowerCase()
    const family = text.includes('%') ? 0 : isIP(text)
    if (isIpv4(text) !== (family === 4) || isIpv6(text) !== (family === 6)) return wrongly(text, family)
    const number = ipNumber(text)
    if ((number !== undefined) !== family > 0) return wrongly(text, number)
    if (family !== 6) return undefined
    const spelled = new URL(`http://[${text}]`).hostname.slice(1, -1)
    const isSame = ipNumber(spelled)?.value === number?.value && canonicalIpv6(text) === spelled
    return isSame && embeddedIpv4(text).every(isIpv4) ? undefined : wrongly(text, number, spelled, canonicalIpv6(text))
  },
}

const wrappers: Subject = {
  parser: 'http/ip-address.ts embeddedIpv4',
  promise: 'finds the IPv4 address in every wrapper of it, in any spelling (RFC 6052, RFC 3056, RFC 4291, RFC 5214)',
  weight: 2,
  run: dice => {
    const quad = Array.from({ length: 4 }, () => dice.below(256))
    const [dotted, hex] = [quad.join('.'), quad.map(part => part.toString(16).padStart(2, '0')).join('')]
    const [high, low] = [hex.slice(0, 4), hex.slice(4)]
    const wrapped = dice.pick([
      `64:ff9b::${dotted}`,
      `64:FF9B:0::${high}:${low}`,
      `2002:${high}:${low}::1`,
      `::ffff:0:${dotted}`,
      `2001:db8::5efe:${dotted}`,
      `2001:db8::200:5efe:${high}:${low}`,
      `2001:0:${high}:${low}::1`,
    ])
    return embeddedIpv4(wrapped).includes(dotted) ? undefined : wrongly(wrapped, embeddedIpv4(wrapped))
  },
}

/** Bits of an address, by string, for comparison: nothing of the code under test. */
function bitsOf(host: string): string {
  if (!host.includes(':'))
    return host
      .split('.')
      .map(part => Number(part).toString(2).padStart(8, '0'))
      .join('')
  const [head = '', tail = ''] = new URL(`http://[${host}]`).hostname
    .slice(1, -1)
    .split('::')
    .map(half =>
      half
        .split(':')
        .filter(Boolean)
        .map(group => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
        .join(''),
    )
  return head.padEnd(128 - tail.length, '0') + tail
}

const noProxy: Subject = {
  parser: 'http/no-proxy.ts parseNoProxy splitNoProxy',
  promise: 'matches the addresses whose first bits are those of its network, and the names at or below its own',
  weight: 2,
  run: dice => {
    if (dice.chance(0.5)) {
      const six = dice.chance(0.5)
      const some = () =>
        six
          ? `2001:db8::${dice.word('0f', 2, 1)}:${dice.word('018f', 4, 1)}`
          : [10, 0, dice.below(4), dice.below(256)].join('.')
      const [network, host, bits] = [some(), some(), dice.below(six ? 129 : 33)]
      const rule = parseNoProxy(`${network}/${bits}`)
      const isIn = bitsOf(network).slice(0, bits) === bitsOf(host).slice(0, bits)
      return rule !== undefined && matchesNoProxy([rule], host, 80) === isIn
        ? undefined
        : wrongly([network, bits, host], rule)
    }
    const text = dice.from(
      ['a.test', '.a.test', '*.a.test:80', '[::1]:80', '*', '10.0.0.0/8', 'a, b c'],
      [...WORDS, ...DIGITS],
    )
    for (const entry of splitNoProxy(text)) {
      if (/[\s,]/.test(entry)) return wrongly(text, entry)
      const rule = parseNoProxy(entry)
      if (rule === undefined || (rule.kind !== 'host' && rule.kind !== 'below')) continue
      const port = rule.port ?? 1
      const named = [matchesNoProxy([rule], rule.host, port), matchesNoProxy([rule], `x.${rule.host}`, port)]
      if (named[0] !== (rule.kind === 'host') || named[1] !== true) return wrongly(text, rule)
      if (matchesNoProxy([rule], `x${rule.host}`, port)) return wrongly(text, rule)
    }
    return undefined
  },
}

const query: Subject = {
  parser: 'http/query-parameter.ts parameterValues setParameter',
  promise: 'reads what URLSearchParams reads, and gives back what was set with all other pairs as they were',
  weight: 3,
  run: dice => {
    const pairs = dice.list(5, () => dice.word('ak%+=2f6b', 7))
    const path = dice.chance(0.9) ? `/p?${pairs.join('&')}` : '/p'
    const name = dice.pick(['a', 'k', 'ak', 'a k', ''])
    // A percent sign that encodes no character is where the two differ on purpose.
    const isPlain = !/%(?![\da-f]{2})|%[89a-f]/i.test(path)
    const read = parameterValues(path, name)
    const others = new URLSearchParams(pairs.filter(Boolean).join('&')).getAll(name)
    if (isPlain && name !== '' && path !== '/p' && JSON.stringify(read) !== JSON.stringify(others))
      return wrongly([path, name], read, others)
    const value = dice.word('ab&=%+ é', 5)
    const set = setParameter(path, name, value)
    const back = parameterValues(set, name)
    if (back.length !== 1 || back[0] !== value) return wrongly([path, name, value], set, back)
    const other = name === 'k' ? 'a' : 'k'
    return JSON.stringify(parameterValues(set, other)) === JSON.stringify(parameterValues(path, other))
      ? undefined
      : wrongly([path, name], set)
  },
}

const globs: Subject = {
  parser: 'route/pattern.ts compilePath',
  promise: 'fits what the regular expression fits that says the same',
  weight: 2,
  run: dice => {
    const glob = `/${dice.word('ab/*', 6)}`.replace(/\*{3,}/g, '**')
    const path = `/${dice.word('ab/', 8)}`
    const source = glob
      .split(/(\*+)/)
      .map(part => (part === '**' ? '.*' : part === '*' ? '[^/]*' : part))
      .join('')
    const fits = compilePath(glob)(path)
    return fits === new RegExp(`^${source}$`).test(path) ? undefined : wrongly([glob, path], fits)
  },
}

export const TARGETS: readonly Subject[] = [targets, authorities, addresses, wrappers, noProxy, query, globs]
