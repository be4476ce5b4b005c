import got from 'got'
import { answered, api, binary, readEvents, run, tell, upload, urlOf } from './cells.mjs'

// Its own repeats would hide whose they were.
const client = got.extend({ retry: { limit: 0 }, responseType: 'buffer' })
const read = (cell, { statusCode, body }) => answered(cell, statusCode, body)

await run({
  get: async cell => read(cell, await client.get(urlOf(cell))),
  upload: async cell => read(cell, await client.post(urlOf(cell), { body: upload(), headers: binary })),
  events: async cell =>
    readEvents(client.stream(urlOf(cell)), async event => {
      await client.get(`${api}/ack`)
      tell(cell, { event })
    }),
})
