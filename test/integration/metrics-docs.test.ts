import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { packageRoot } from '../../src/config/package-root.js'
import { exposition } from '../../src/metrics/exposition.js'
import { Metrics } from '../../src/metrics/metrics.js'
import { systemClock } from '../../src/time/clock.js'
import { readExposition } from '../support/exposition-reader.js'
import { IDLE } from '../support/readings.js'

const textOf = (path: string): string => readFileSync(new URL(path, packageRoot()), 'utf8')

/** What a daemon that has done nothing yet tells. */
const { types } = readExposition(exposition(new Metrics(systemClock).families(IDLE)))

/** Names of metrics in a text; those of a histogram's series stand for it. */
const namesIn = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/\b(?:mulligan|process|nodejs)_[a-z_]+/g)].map(([name]) => {
      const base = name.replace(/_(?:bucket|sum|count)$/, '')
      return types.get(base) === 'histogram' ? base : name
    }),
  )

const unknownIn = (text: string): string[] => [...namesIn(text)].filter(name => !types.has(name))

t.test('the page of metrics has every metric with its type, and no other', t => {
  const page = textOf('docs/metrics.md')
  t.strictSame(unknownIn(page), [])
  const names = namesIn(page)
  t.strictSame(
    [...types.keys()].filter(name => !names.has(name)),
    [],
  )
  for (const [, name = '', type = ''] of page.matchAll(/^\| `(mulligan_[a-z_]+)` \| (\w+)/gm)) {
    t.equal(type, types.get(name), name)
  }
  t.end()
})

t.test('the names of the interface are all there', t => {
  const names = [
    ...['requests_total', 'attempts_total', 'retries_total', 'wait_seconds_total', 'inflight'],
    ...['request_seconds', 'overhead_seconds', 'credential_refreshes_total', 'payments_total', 'spend_units_total'],
    ...['idempotency_total', 'breaker_open', 'cooldown_waiting', 'retry_budget', 'tunnels_open', 'store_errors_total'],
  ]
  for (const name of names) t.ok(types.has(`mulligan_${name}`), name)
  t.end()
})

type Rule = { alert: string; expr: string; annotations: { summary: string } }

t.test('every alert rule has a name of its own, an expression over metrics that exist, and a summary', t => {
  const { groups } = parse(textOf('examples/alerts.yaml')) as { groups: { name: string; rules: Rule[] }[] }
  const rules = groups.flatMap(group => group.rules)
  t.ok(rules.length >= 10)
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
  for (const { alert, expr, annotations } of rules) {
    t.match(alert, /^Mulligan[A-Z]/)
    t.strictSame(unknownIn(expr), [], alert)
    t.ok(namesIn(expr).size > 0 || /^up\{/.test(expr), alert)
    t.ok(isBalanced(expr), `${alert}: ${expr}`)
    t.type(annotations.summary, 'string')
  }
  t.end()
})

type Panel = { title: string; type: string; id: number; targets?: { expr: string }[] }

t.test('every panel of the dashboard asks for metrics that exist, and every metric that routes have is in it', t => {
  const text = textOf('examples/grafana-dashboard.json')
  const { panels } = JSON.parse(text) as { panels: Panel[] }
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  for (const expr of expressions) {
    t.strictSame(unknownIn(expr), [], expr)
    t.ok(isBalanced(expr), expr)
  }
  for (const { title, type, targets } of panels) t.ok(type === 'row' || targets?.length, title)
  const asked = namesIn(expressions.join(' '))
  const missing = [...types.keys()].filter(name => name.startsWith('mulligan_') && !asked.has(name))
  t.strictSame(missing, ['mulligan_build_info', 'mulligan_draining', 'mulligan_workers'])
  t.end()
})

/** Braces and quotes close; counters are only asked for their increase. */
function isBalanced(expr: string): boolean {
  const open: string[] = []
  for (const char of expr.replace(/"[^"]*"/g, '')) {
    if ('({['.includes(char)) open.push(char)
    else if (')}]'.includes(char) && '({['.indexOf(open.pop() ?? ' ') !== ')}]'.indexOf(char)) return false
  }
  const bare = [...expr.matchAll(/(\w+\(|^|\s)(\w+_total)\b/g)].some(
    ([, before]) => !/^(?:rate|increase)\($/.test(before ?? ''),
  )
  return open.length === 0 && !expr.replace(/"[^"]*"/g, '').includes('"') && !bare
}
