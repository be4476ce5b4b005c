import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { test } from 'tap'
import { packageRoot } from '../../src/config/package-root.js'
import { EXECUTIONS, fuzz, SEED } from '../support/fuzz.js'
import { NO_PARSERS, SUBJECTS } from './parsers.js'

// RUNS may make it as long as it likes.
t.setTimeout(0)

const weights = SUBJECTS.reduce((sum, { weight }) => sum + weight, 0)
let executions = 0

for (const subject of SUBJECTS) {
  test(`T21: ${subject.parser}: ${subject.promise}`, t => {
    const done = fuzz(subject, Math.ceil((EXECUTIONS * subject.weight) / weights))
    if (typeof done === 'number') executions += done
    t.type(done, 'number', typeof done === 'string' ? done : `${done} executions`)
    t.end()
  })
}

test('the executions in all are as many as were promised', t => {
  t.comment(
    `${executions} executions of ${SUBJECTS.length} properties from seed ${SEED}; RUNS=… makes more, SEED=… repeats`,
  )
  t.ok(executions >= EXECUTIONS, `${executions} executions`)
  t.end()
})

/** Its folders speak to people and operators: commands, pages and drills, or to what they started themselves. */
const OF_PEOPLE = /^(?:cli|demo|bench|conformance|admin|telemetry|metrics|workers|serving|trust|child)\//
const LOOKS_LIKE_ONE =
  /^export (?:async )?(?:function|const) ((?:parse|read|decode|locate|judge|split|canonical)[A-Z]?\w*)/gm

test('T21: a parser has a property in the table, or a reason why it is none', t => {
  const src = join(fileURLToPath(packageRoot()), 'src')
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
  const listed = SUBJECTS.flatMap(({ parser }) => parser.split(' ')).reduce<{ file: string; names: string[] }>(
    ({ file, names }, word) =>
      word.endsWith('.ts') ? { file: word, names } : { file, names: [...names, `${file} ${word}`] },
    { file: '', names: [] },
  ).names
  const found = files
    .filter(file => !OF_PEOPLE.test(file))
    .flatMap(file =>
      [...readFileSync(join(src, file), 'utf8').matchAll(LOOKS_LIKE_ONE)].map(([, name]) => `${file} ${name}`),
    )
  t.same(
    found.filter(name => !listed.includes(name) && !Object.hasOwn(NO_PARSERS, name)).sort(),
    [],
    'every one is listed',
  )
  const gone = Object.keys(NO_PARSERS).filter(name => !found.includes(name))
  t.same(gone, [], 'no reason is given for what is not there')
  const missing = listed.filter(name => {
    const [file = '', item = ''] = name.split(' ')
    return (
      !files.includes(file) ||
      !new RegExp(`export (?:async )?(?:function\\*?|const|class) ${item}\\b`).test(
        readFileSync(join(src, file), 'utf8'),
      )
    )
  })
  t.same(missing, [], 'what the table names is there')
  t.end()
})
