import { EnvHttpProxyAgent, request, setGlobalDispatcher } from 'undici'
import { answered, api, binary, readEvents, run, tell, upload, urlOf } from './cells.mjs'

// The one line that it takes to make it look at the variables.
setGlobalDispatcher(new EnvHttpProxyAgent())

const read = async (cell, { statusCode, body }) => answered(cell, statusCode, Buffer.from(await body.arrayBuffer()))

await run({
  get: async cell => read(cell, await request(urlOf(cell))),
  upload: async cell => read(cell, await request(urlOf(cell), { method: 'POST', body: upload(), headers: binary })),
  events: async cell => {
    const { body } = await request(urlOf(cell))
    await readEvents(body, async event => {
      await (await request(`${api}/ack`)).body.text()
      tell(cell, { event })
    })
  },
})
