import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { DEBIAN_PROXIES, versionOf } from '../support/debian-proxies.js'
import { DIFFERENTIAL_PAGE } from '../support/differential.js'
import { compareMutations } from '../support/differential-mutations.js'
import { comparePeer, type PeerResult, peersSection } from '../support/differential-peers.js'
import { SEED } from '../support/fuzz.js'

/** REQUESTS=… makes it longer. */
const MUTATIONS = Number(process.env['REQUESTS'] ?? 500)

const FIGURES = /^\| \d+ malformed .*$/m
const figuresOf = (text: string): number[] => (text.match(FIGURES)?.[0].match(/\d+/g) ?? []).map(Number)

const found: Record<string, PeerResult> = {}

for (const name of DEBIAN_PROXIES) {
  const missing = versionOf(name) === undefined && `${name} is not installed: nothing was compared with it`
  test(`F2: what ${name} refuses or reads otherwise we refuse too, but for the exceptions that have a reason`, {
    skip: missing,
  }, async t => {
    const result = await comparePeer(name)
    if (result === undefined) return
    found[name] = result
    t.same(result.unexplained, [], `${name} ${result.version}`)
    t.ok(result.passed.length > 0, `${result.passed.length} malformed requests reach an upstream through it`)
  })

  test(`F2: a damaged request that we pass on means the same to ${name}`, { skip: missing }, async t => {
    t.comment(`${MUTATIONS} requests from seed ${SEED}; REQUESTS=… makes more, SEED=… repeats`)
    const { passed, wrong } = await compareMutations(name, MUTATIONS)
    t.same(wrong.slice(0, 5), [], `${passed} passed on, ${wrong.length} otherwise there`)
    t.ok(passed > MUTATIONS / 10, 'enough to mean something')
  })
}

test('docs/differential.md says what came of it', t => {
  const { nginx, haproxy } = found
  const page = readFileSync(DIFFERENTIAL_PAGE, 'utf8')
  const versions = `| nginx ${nginx?.version} | haproxy ${haproxy?.version} |`
  if (nginx === undefined || haproxy === undefined) t.pass('', { skip: 'both proxies are needed' })
  // Another version may read otherwise: then the page tells of the one it names.
  else if (!page.includes(versions)) t.pass('', { skip: `the page is about other versions than ${versions}` })
  else {
    const section = peersSection({ nginx, haproxy })
    t.ok(page.endsWith(section.replace(FIGURES, page.match(FIGURES)?.[0] ?? '')), 'it lists the same exceptions')
    // Whether HAProxy finds a flaw before it has passed the rest on is a race in a few rows.
    const far = figuresOf(page).filter((figure, i) => Math.abs(figure - (figuresOf(section)[i] ?? 0)) > 3)
    t.same(far, [], 'its figures are those of this run: `node build/test/support/write-differential.js` writes them')
    t.same([...nginx.idle, ...haproxy.idle], [], 'no reason is given for what does not happen')
  }
  t.end()
})
