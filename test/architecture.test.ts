import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { packageRoot } from '../src/config/package-root.js'

/**
 * Who may import whom: a unit imports from its own group's left only, and from itself. Units of one group do not know
 * each other. A folder of src/ is a unit, and so is a file directly in it.
 */
const ORDER: readonly (readonly string[])[] = [
  ['time', 'faults'],
  ['json'],
  ['http'],
  ['wire', 'route', 'x402'],
  ['policy'],
  ['config'],
  ['store', 'rpc'],
  ['state', 'upstream', 'certificate', 'credential', 'idempotency', 'signer', 'ledger'],
  ['exchange'],
  ['listener', 'metrics'],
  ['serving'],
  ['admin', 'telemetry'],
  ['reference'],
  ['log'],
  ['engine'],
  ['workers'],
  ['main'],
  ['trust'],
  ['child'],
  ['demo', 'bench', 'conformance'],
  ['cli'],
]

/** Same in, same out: no clock, randomness, environment, I/O or logging. */
const PURE = /^src\/(?:json|http|wire|route|x402|policy)\/|^src\/faults\.ts$|^src\/time\/units\.ts$/
/** Libraries that only compute. */
const PURE_PACKAGES = new Set(['structured-headers', 'node:buffer', 'node:zlib'])
const IMPURE =
  /\b(?:Date\.now|new Date\(\)|performance\.|Math\.random|process\.|set(?:Timeout|Interval|Immediate)|queueMicrotask|console\.|crypto\.|fetch\()/

/** Time and randomness come from here; the tools around the daemon measure for themselves. */
const CLOCKS = /^src\/(?:time\/clock\.ts|child\/|demo\/|bench\/)/

/** Modules that may only be loaded when they are needed: each costs more at start than the whole proxy. */
const LAZY = new Set([
  'fastify',
  'pino-pretty',
  '@peculiar/asn1-schema',
  '@peculiar/asn1-x509',
  'jose',
  'oauth4webapi',
  'lmdb',
  'ioredis',
  'micro-eth-signer',
  'micro-eth-signer/keystore.js',
])

const root = fileURLToPath(packageRoot())

type Source = { readonly path: string; readonly text: string; readonly code: string; readonly lines: number }

function read(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => /\.c?ts$/.test(name))
    .map(name => {
      const path = join(folder, name)
      const text = readFileSync(join(root, path), 'utf8')
      return { path, text, code: withoutComments(text), lines: text.split('\n').length - 1 }
    })
}

/** Good enough for this tree: `//` inside a string only stays when a colon stands before it, as in a URL. */
const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1')

/** Every module a file names, lazily or not. */
function importsOf({ code }: Source): { name: string; lazy: boolean; typeOnly: boolean }[] {
  const fixed = [...code.matchAll(/^(?:import|export)\b(\s+type\b)?[^'"]*?\bfrom\s+'([^']+)'/gm)]
  const bare = [...code.matchAll(/^import\s+'([^']+)'/gm)]
  const lazy = [...code.matchAll(/(?:\bimport|\brequire|import\.meta\.url\))\('([^']+)'\)/g)]
  return [
    ...fixed.map(([, type, name = '']) => ({ name, lazy: false, typeOnly: type !== undefined })),
    ...bare.map(([, name = '']) => ({ name, lazy: false, typeOnly: false })),
    ...lazy.map(([, name = '']) => ({ name, lazy: true, typeOnly: false })),
  ]
}

/** `src/http/via.ts` is of the unit `http`, `src/log.ts` of `log`. */
const unitOf = (path: string): string => path.split('/')[1]?.replace(/\.ts$/, '') ?? ''

const levelOf = (unit: string): number => ORDER.findIndex(group => group.includes(unit))

const sources = read('src')
const tests = read('test')
/** Compares the product with others, and is no part of it. */
const comparison = read('bench')

t.ok(sources.length > 50 && tests.length > 20, 'the sources were found')

t.test('an import points to the left, or stays in its own folder', t => {
  const wrong: string[] = []
  for (const source of sources) {
    const unit = unitOf(source.path)
    if (levelOf(unit) < 0) wrong.push(`${source.path}: the unit "${unit}" has no place in the order`)
    for (const { name } of importsOf(source)) {
      if (!name.startsWith('.')) continue
      const target = unitOf(relative(root, join(root, dirname(source.path), name)).replace(/\.js$/, '.ts'))
      if (target !== unit && !(levelOf(target) < levelOf(unit))) wrong.push(`${source.path} imports ${name}`)
    }
  }
  t.strictSame(wrong, [])
  t.end()
})

t.test('a pure module imports nothing that can act', t => {
  const wrong = sources
    .filter(({ path }) => PURE.test(path))
    .flatMap(source =>
      importsOf(source)
        .filter(({ name }) => !name.startsWith('.') && !PURE_PACKAGES.has(name))
        .map(({ name }) => `${source.path} imports ${name}`),
    )
  t.strictSame(wrong, [])
  t.end()
})

t.test('a pure module reads no clock, dice, environment or timer', t => {
  const wrong = sources.filter(({ path, code }) => PURE.test(path) && IMPURE.test(code)).map(({ path }) => path)
  t.strictSame(wrong, [])
  t.end()
})

t.test('time and randomness of the daemon come from time/clock.ts', t => {
  const reads = /\b(?:Date\.now|performance\.now|Math\.random|new Date\(\))/
  const wrong = sources.filter(({ path, code }) => !CLOCKS.test(path) && reads.test(code)).map(({ path }) => path)
  t.strictSame(wrong, [])
  t.end()
})

t.test('only the log and what talks to the user logs or prints', t => {
  const wrong = sources
    .filter(({ path }) => !/^src\/(?:cli|demo|bench|reference)/.test(path))
    .filter(({ code }) => /\bconsole\.|process\.std(?:out|err)\.write/.test(code))
    .map(({ path }) => path)
  t.strictSame(wrong, [])
  const pino = sources.filter(source => importsOf(source).some(({ name, typeOnly }) => name === 'pino' && !typeOnly))
  t.strictSame(
    pino.map(({ path }) => path),
    ['src/log/log.ts'],
  )
  t.end()
})

t.test('a heavy package is loaded when it is needed, not at start', t => {
  const loaded = sources.flatMap(source =>
    importsOf(source)
      .filter(({ name, lazy, typeOnly }) => LAZY.has(name) && !lazy && !typeOnly)
      .map(() => source.path),
  )
  // Themselves loaded lazily, when somebody asks the admin side and when the first certificate is made.
  t.strictSame([...new Set(loaded)].sort(), ['src/admin/app.ts', 'src/certificate/issue.ts'])
  const eager = sources.filter(source =>
    importsOf(source).some(({ name, lazy, typeOnly }) => /\/app\.js$|\/issue\.js$/.test(name) && !lazy && !typeOnly),
  )
  t.strictSame(eager, [])
  t.end()
})

t.test('there is no barrel file and no default export', t => {
  const wrong = sources
    .filter(({ code }) => /^export\s+(?:type\s+)?(?:\*|\{[^}]*\})\s+from\b|^export default\b/m.test(code))
    .map(({ path }) => path)
  t.strictSame(wrong, [])
  t.end()
})

t.test('a class extends nothing but Error', t => {
  const wrong = sources
    .filter(({ code }) => /\bclass \w+(?:<[^>]*>)? extends (?!Error\b)/.test(code))
    .map(({ path }) => path)
  t.strictSame(wrong, [])
  t.end()
})

t.test('a file fits into a head: at most 300 lines, tests 400, and a name in kebab-case', t => {
  const long = [
    ...[...sources, ...comparison].filter(({ lines }) => lines > 300),
    ...tests.filter(({ lines }) => lines > 400),
  ]
  t.strictSame(
    long.map(({ path, lines }) => `${path}: ${lines} lines`),
    [],
  )
  const misnamed = [...sources, ...tests, ...comparison].filter(
    ({ path }) => !/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?\.c?ts$/.test(basename(path)),
  )
  t.strictSame(
    misnamed.map(({ path }) => path),
    [],
  )
  const vague = sources.filter(({ path }) => /(?:^|\/)(?:utils?|helpers?|common|manager|misc|index)\b/.test(path))
  t.strictSame(
    vague.map(({ path }) => path),
    [],
  )
  t.end()
})

t.test('half of the files are short', t => {
  const sorted = sources.map(({ lines }) => lines).sort((a, b) => a - b)
  t.ok((sorted[sorted.length >> 1] ?? 0) <= 80, `the median file has ${sorted[sorted.length >> 1]} lines`)
  t.end()
})
