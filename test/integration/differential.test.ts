import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { DIFFERENTIAL_PAGE, differentialPage, runProbes } from '../support/differential.js'
import { PROBES } from '../support/probes.js'

test('every probe that trips a proxy of the http-proxy family is passed, and the page says what happened', async t => {
  const results = await runProbes()
  for (const [i, probe] of PROBES.entries()) t.equal(results.mulligan[i], probe.good, probe.title)
  const page = readFileSync(DIFFERENTIAL_PAGE, 'utf8')
  t.equal(page.slice(0, page.indexOf('\n## ')), differentialPage(results), 'docs/differential.md is up to date')
})
