import fetch from 'node-fetch'
import { runFetch } from './fetch-cells.mjs'

await runFetch(fetch)
