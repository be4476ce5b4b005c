import { runFetch } from './fetch-cells.mjs'

await runFetch(fetch)
