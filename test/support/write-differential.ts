import { writeFileSync } from 'node:fs'
import { DIFFERENTIAL_PAGE, differentialPage, runProbes } from './differential.js'

writeFileSync(DIFFERENTIAL_PAGE, differentialPage(await runProbes()))
process.exit()
