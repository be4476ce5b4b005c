import Stripe from 'stripe'
import { answered, elsewhere, run, upload } from './cells.mjs'

// Its own repeats would hide whose they were.
const options = { maxNetworkRetries: 0 }
const client = new Stripe('sk_test_x', options)
const read = (cell, data) => answered(cell, data.lastResponse.statusCode, JSON.stringify(data))

await run({
  get: async cell => read(cell, await client.products.retrieve(cell)),
  upload: async cell => {
    const file = { data: upload(), name: 'file.bin', type: 'application/octet-stream' }
    read(cell, await client.files.create({ purpose: 'dispute_evidence', file }))
  },
  tunnel: async cell => {
    const other = new Stripe('sk_test_x', { ...options, host: new URL(elsewhere).hostname })
    read(cell, await other.products.retrieve('get'))
  },
})
