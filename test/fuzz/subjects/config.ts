import { stringify } from 'yaml'
import { formatListenAddress, parseListenAddress } from '../../../src/config/listen-address.js'
import { parseConfig } from '../../../src/config/load.js'
import { atomicUnits } from '../../../src/config/money.js'
import { readOverrides } from '../../../src/config/overrides.js'
import { ConfigError, formatProblem } from '../../../src/config/problems.js'
import { parseProxyUrl } from '../../../src/config/proxy-url.js'
import { money } from '../../../src/config/scalars.js'
import { parseStoreUrl } from '../../../src/config/store-url.js'
import { isWrong } from '../../../src/config/wrong.js'
import { type Dice, type Subject, wrongly } from '../../support/fuzz.js'
import { jsonValue } from './json.js'

const SECRET = 's3cret'

const listen: Subject = {
  parser: 'config/listen-address.ts parseListenAddress',
  promise: 'is written and read back as it was, with a port from 0 to 65535 and a host or path without blanks',
  weight: 3,
  run: dice => {
    const text = dice.from(
      ['127.0.0.1:8402', '[::1]:0', 'localhost:80', 'unix:/run/m.sock', '0.0.0.0:65536', '8402'],
      [':', '[', ']', '.', '/', '0', ' ', 'unix:', '256', '\n', '::'],
    )
    const address = parseListenAddress(text)
    if (isWrong(address)) return address.wrong === '' ? wrongly(text, address) : undefined
    const again = parseListenAddress(formatListenAddress(address))
    if (JSON.stringify(again) !== JSON.stringify(address)) return wrongly(text, address, again)
    return address.kind === 'unix' || (address.port < 65_536 && !/\s/.test(address.host))
      ? undefined
      : wrongly(text, address)
  },
}

const flags: Subject = {
  parser: 'config/overrides.ts readOverrides',
  promise: 'a flag is taken or named in a problem, never both and never neither',
  weight: 0.5,
  run: dice => {
    const word = () => dice.from(['info', 'json', 'auto', '127.0.0.1:1'], [':', ' ', 'x', '0'])
    const given = { listen: word(), logLevel: word(), logFormat: word() }
    const read = readOverrides(given, '/', {})
    const pairs = [
      ['--listen', read.proxy],
      ['--log-level', read.level],
      ['--log-format', read.format],
    ] as const
    const told = JSON.stringify(read.problems)
    return pairs.every(([flag, value]) => (value === undefined) === told.includes(flag))
      ? undefined
      : wrongly(given, read)
  },
}

const urls: Subject = {
  parser: 'config/proxy-url.ts parseProxyUrl config/store-url.ts parseStoreUrl',
  promise: 'has the host, port and password that the URL class reads, and no message repeats a password',
  weight: 2,
  run: dice => {
    const written = `${dice.pick(['http', 'https', 'redis', 'rediss', 'socks5'])}://${dice.pick(['', `u:${SECRET}@`, `:${SECRET}@`])}${dice.pick(['a.test', '[::1]', '1.2.3.4'])}${dice.pick(['', ':6379', ':0', ':99999'])}${dice.pick(['', '/', '/3', '/x', '?prefix=m:', '#f'])}`
    const text = dice.mutate(written, ['@', ':', '/', '//', '?', '#', '%', '%40', ' ', '\n'])
    for (const read of [parseProxyUrl(text), parseStoreUrl(text)]) {
      if (isWrong(read)) {
        // What stands behind an @ is host or path, and may be shown.
        const isShown = read.wrong.includes(SECRET) && text.lastIndexOf('@') > text.lastIndexOf(SECRET)
        if (isShown || read.wrong === '') return wrongly(text, read)
        continue
      }
      const url = new URL(text)
      const isSame =
        (url.port === '' || Number(url.port) === read.port) &&
        decodeURIComponent(url.password) === (read.password ?? '')
      if (!isSame || read.port < 1 || read.port > 65_535 || read.host === '') return wrongly(text, read)
    }
    return undefined
  },
}

const amount = money()

const amounts: Subject = {
  parser: 'config/money.ts atomicUnits config/scalars.ts money',
  promise: 'is exact to the last unit, by arithmetic on whole numbers alone',
  weight: 2,
  run: dice => {
    const [whole, places] = [dice.word('0123456789', 12, 1), dice.below(8)]
    const fraction = dice.word('0123456789', places, places)
    const text = `${whole}${places === 0 ? '' : `.${fraction}`} USDC`
    const read = amount.safeParse(text)
    if (!read.success) return wrongly(text, read.error.message)
    const units = atomicUnits(read.data, 6)
    const sevenths = BigInt(whole + fraction.padEnd(7, '0'))
    if (units !== (sevenths % 10n === 0n ? sevenths / 10n : undefined)) return wrongly(text, units)
    const damaged = dice.mutate(text, ['.', '-', 'e', ' ', ',', '+', '\n', '_'])
    const other = amount.safeParse(damaged)
    return !other.success || /^\d+(?:\.\d+)? [A-Za-z][A-Za-z\d.]*$/.test(damaged)
      ? undefined
      : wrongly(damaged, other.data)
  },
}

const TOP = [
  'version',
  'listen',
  'log',
  'egress',
  'limits',
  'credentials',
  'wallets',
  'routes',
  'store',
  'x',
  '__proto__',
]
const WORDS = [
  '\n',
  '\n  ',
  '\t',
  '&a ',
  '*a',
  '<<: ',
  '!!js ',
  '? ',
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '|',
  '>',
  '"',
  "'",
  '#',
  '---\n',
  'routes:',
  'name',
  '1s',
  'off',
  'constructor',
]

function file(dice: Dice): string {
  if (dice.chance(0.3)) return dice.list(15, () => dice.pick(WORDS)).join('')
  const route = () =>
    Object.fromEntries(
      dice.list(4, () => [
        dice.pick(['name', 'match', 'retry', 'timeout', 'mount', 'upstream', 'preset', 'body']),
        jsonValue(dice, 2),
      ]),
    )
  const top = Object.fromEntries(
    dice.list(3, () => [dice.pick(TOP), dice.chance(0.5) ? dice.list(2, route) : jsonValue(dice, 2)]),
  )
  const text = stringify(top)
  return dice.chance(0.5) ? text : dice.mutate(text, WORDS)
}

const files: Subject = {
  parser: 'config/load.ts parseConfig config/yaml-source.ts readYaml',
  promise: 'loads, or fails as a ConfigError with problems that can be shown (T21)',
  weight: 0.12,
  run: dice => {
    const text = file(dice)
    try {
      parseConfig('/m.yaml', text, {})
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      if (error.problems.length === 0) return wrongly(text, 'no problems')
      for (const problem of error.problems) formatProblem(problem, text)
    }
    return undefined
  },
}

export const CONFIGURATION: readonly Subject[] = [listen, flags, urls, amounts, files]
