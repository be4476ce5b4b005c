import { pick } from './random.js'

/** Hosts that the routes of a test name, and hosts that look like them. */
const HOSTS = [
  'api.bank.test',
  'bank.test',
  'a.corp.test',
  'deep.a.corp.test',
  'corp.test',
  'evil.test',
  'api.bank.test.evil.test',
  'xapi.bank.test',
  'xn--bnk-qla.test',
  '127.0.0.1',
  '10.0.0.1',
  '[::1]',
  '[2001:db8::7]',
  '[::ffff:127.0.0.1]',
] as const

type Random = () => number
type Mutation = (random: Random, host: string) => string

const replaceAt = (text: string, at: number, by: string): string => text.slice(0, at) + by + text.slice(at + 1)
const someIndex = (random: Random, text: string): number => Math.floor(random() * text.length)

/** Ways in which one authority has been read as two. */
const MUTATIONS: readonly Mutation[] = [
  (random, host) => [...host].map(char => (random() < 0.5 ? char.toUpperCase() : char)).join(''),
  (_, host) => `${host}.`,
  (_, host) => `${host}..`,
  (_, host) => `.${host}`,
  (random, host) => `${pick(random, ['user@', 'user:pass@', '@', ':@', 'evil.test@', 'evil.test:80@', 'a@b@'])}${host}`,
  (random, host) => `${host}${pick(random, ['@evil.test', '\\@evil.test', '\\.evil.test', '%40evil.test', '@'])}`,
  (random, host) =>
    `${pick(random, ['evil.test\\', 'evil.test;', 'evil.test,', 'evil.test%00', 'evil.test#@'])}${host}`,
  (random, host) => {
    const at = someIndex(random, host)
    return replaceAt(host, at, `%${host.charCodeAt(at).toString(16)}`)
  },
  (random, host) =>
    replaceAt(host, someIndex(random, host), pick(random, ['%2e', '%2F', '%', '\\', '_', '-', '..', ' ', '\t'])),
  (random, host) => host.replace('.', pick(random, ['\u3002', '\uff0e', '%E3%80%82', ',', ':'])),
  (random, host) =>
    replaceAt(host, someIndex(random, host), pick(random, ['\u0430', '\u212a', '\u00df', '\uff41', 'xn--'])),
  random => pick(random, ['2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '127.1', '127.0.1', '0', '00', '1.1']),
  random => pick(random, ['127.0.0.01', '127.0.0.0x1', '127.0.0.1.', '127.0.0.256', '10.1', '012.0.0.1', '167772161']),
  random => pick(random, ['[0:0:0:0:0:0:0:1]', '[::0001]', '[0::1]', '[::1%25lo]', '[::1%lo]', '[::1', '::1', '[]']),
  random =>
    pick(random, ['[2001:DB8::7]', '[2001:0db8:0:0:0:0:0:7]', '[2001:db8::0.0.0.7]', '[v1.x]', '[2001:db8::7].']),
  random => pick(random, ['[::FFFF:7F00:1]', '[0:0:0:0:0:ffff:127.0.0.1]', '[::ffff:127.0.0.01]', '[::127.0.0.1]']),
  random =>
    pick(random, ['', '.', '-', '_', '*', '*.corp.test', 'localhost', 'xn--', 'xn--a', `${'a'.repeat(64)}.test`]),
]

const PORTS = [
  '',
  '',
  '',
  ':80',
  ':443',
  ':8443',
  ':',
  ':0',
  ':080',
  ':65535',
  ':65536',
  ':+80',
  ':-1',
  ':80:80',
  ':8 0',
  ':0x50',
  ':8e1',
  ':\uff18\uff10',
  ':80@evil.test',
]

/** Text that may stand where an authority should: mostly one of HOSTS, or that in up to three ways not quite. */
export function someAuthority(random: Random): string {
  let host: string = pick(random, HOSTS)
  for (let left = pick(random, [0, 0, 1, 1, 1, 2, 3]); left > 0; left--) host = pick(random, MUTATIONS)(random, host)
  return host + pick(random, PORTS)
}
