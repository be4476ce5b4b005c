import axios from 'axios'
import { answered, api, binary, readEvents, run, tell, upload, urlOf } from './cells.mjs'

const client = axios.create({ responseType: 'arraybuffer' })
const read = (cell, { status, data }) => answered(cell, status, data)

await run({
  get: async cell => read(cell, await client.get(urlOf(cell))),
  upload: async cell => read(cell, await client.post(urlOf(cell), upload(), { headers: binary })),
  events: async cell => {
    const { data } = await client.get(urlOf(cell), { responseType: 'stream' })
    await readEvents(data, async event => {
      await client.get(`${api}/ack`)
      tell(cell, { event })
    })
  },
})
