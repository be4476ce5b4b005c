import { answered, api, binary, readEvents, run, tell, upload, urlOf } from './cells.mjs'

const read = async (cell, answer) => answered(cell, answer.status, Buffer.from(await answer.arrayBuffer()))

/** All cells by one implementation of `fetch`. */
export const runFetch = fetch =>
  run({
    get: async cell => read(cell, await fetch(urlOf(cell))),
    upload: async cell => read(cell, await fetch(urlOf(cell), { method: 'POST', body: upload(), headers: binary })),
    events: async cell => {
      const { body } = await fetch(urlOf(cell))
      await readEvents(body, async event => {
        await (await fetch(`${api}/ack`)).text()
        tell(cell, { event })
      })
    },
  })
