import { writeFileSync } from 'node:fs'
import { DIFFERENTIAL_PAGE, differentialPage, runProbes } from './differential.js'
import { comparePeer, peersSection } from './differential-peers.js'

const probes = differentialPage(await runProbes())
const nginx = await comparePeer('nginx')
const haproxy = await comparePeer('haproxy')
if (nginx === undefined || haproxy === undefined) throw new Error('nginx and haproxy must be installed')
writeFileSync(DIFFERENTIAL_PAGE, probes + peersSection({ nginx, haproxy }))
process.exit()
