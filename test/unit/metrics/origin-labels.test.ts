import t from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { OriginLabels } from '../../../src/metrics/origin-labels.js'

const routesOf = (yaml: string) => parseConfig('test.yaml', `routes: ${yaml}`, {}, {}).config.routes

t.test('an origin whose host the configuration names goes by its own name, all others are one', t => {
  const labels = new OriginLabels()
  const routes = routesOf(`
  - { name: a, match: { host: api.test } }
  - { name: b, match: { host: "*.wild.test" }, upstream: "https://[::1]:8443/base" }
  - { name: c, match: { host: "*" } }
`)
  const rows: [string, string][] = [
    ['https://api.test:443', 'https://api.test:443'],
    ['http://api.test:8080', 'http://api.test:8080'],
    ['https://::1:8443', 'https://::1:8443'],
    ['https://a.wild.test:443', 'other'],
    ['https://private.example:443', 'other'],
  ]
  for (const [origin, label] of rows) t.equal(labels.of(origin, routes), label)
  t.end()
})

t.test('ports without end make 200 names at most, and those that have one keep it', t => {
  const labels = new OriginLabels()
  const routes = routesOf('[{ name: a, match: { host: api.test } }]')
  const names = new Set<string>()
  for (let port = 1; port <= 1_000; port++) names.add(labels.of(`http://api.test:${port}`, routes))
  t.equal(names.size, 201)
  t.equal(labels.of('http://api.test:7', routes), 'http://api.test:7')
  t.equal(labels.of('http://api.test:999', routes), 'other')
  t.end()
})

t.test('F7: after a reload the names of the new configuration count, and the places of old ones are free', t => {
  const labels = new OriginLabels()
  const before = routesOf('[{ name: a, match: { host: old.test } }]')
  for (let port = 1; port <= 300; port++) labels.of(`http://old.test:${port}`, before)
  const after = routesOf('[{ name: a, match: { host: new.test } }]')
  t.equal(labels.of('http://old.test:1', after), 'other')
  t.equal(labels.of('http://new.test:80', after), 'http://new.test:80')
  t.end()
})
