import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { DIFFERENTIAL_PAGE, differentialPage, runProbes } from '../support/differential.js'
import { PROBES } from '../support/probes.js'

test('every probe that trips a proxy of the http-proxy family is passed, and the page says what happened', async t => {
  const results = await runProbes()
  for (const [i, probe] of PROBES.entries()) t.equal(results.mulligan[i], probe.good, probe.title)
  t.equal(readFileSync(DIFFERENTIAL_PAGE, 'utf8'), differentialPage(results), 'docs/differential.md is up to date')
})
