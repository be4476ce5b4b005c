import fc from 'fast-check'
import t from 'tap'
import { stringify } from 'yaml'
import { parseConfig } from '../../src/config/load.js'
import { ConfigError, formatProblem } from '../../src/config/problems.js'
import { holds } from '../support/property.js'

const WORDS = [
  'version',
  'listen',
  'proxy',
  'routes',
  'name',
  'match',
  'host',
  'retry',
  'off',
  'mount',
  'preset',
  'openai',
  'timeout',
  'total',
  '__proto__',
  'constructor',
  'credentials',
  'wallets',
  'upstream',
  '*',
  '1s',
  '&a',
  '*a',
  '<<',
  '!!',
  '? ',
  ': ',
  '- ',
  '\n',
  '\n  ',
  '\t',
  '{',
  '}',
  '[',
  ']',
  ',',
  '|',
  '>',
  '"',
  "'",
  '#',
  '%',
  '---',
  '...',
]

function survives(text: string): boolean {
  try {
    parseConfig('/m.yaml', text, {})
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    if (error.problems.length === 0) return false
    for (const problem of error.problems) formatProblem(problem, text)
  }
  return true
}

t.test('T21: arbitrary text loads or fails as a ConfigError', t => {
  holds(t, fc.property(fc.string({ unit: 'binary', maxLength: 200 }), survives), 500)
  t.end()
})

t.test('T21: YAML-like text loads or fails as a ConfigError', t => {
  holds(
    t,
    fc.property(
      fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map(words => words.join('')),
      survives,
    ),
    1_500,
  )
  t.end()
})

t.test('T21: valid YAML of any shape loads or fails as a ConfigError', t => {
  const key = fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 8 }))
  const { tree } = fc.letrec(tie => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(...WORDS, null, true, false, 0, -1, 1.5, 1e300),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
    ),
  }))
  const file = fc.dictionary(
    fc.constantFrom('version', 'listen', 'log', 'egress', 'limits', 'credentials', 'wallets', 'x'),
    tree,
  )
  const routes = fc.array(
    fc.dictionary(
      fc.constantFrom('name', 'match', 'retry', 'timeout', 'mount', 'upstream', 'preset', 'payment', 'body'),
      tree,
    ),
    { maxLength: 4 },
  )
  const text = fc.tuple(file, fc.oneof(routes, tree)).map(([top, list]) => stringify({ ...top, routes: list }))
  holds(t, fc.property(text, survives), 1_000)
  t.end()
})
