import { request } from 'node:https'
import { answered, api, binary, fingerprint, readEvents, run, tell, upload, urlOf } from './cells.mjs'

const send = (url, options = {}, body = undefined) =>
  new Promise((resolve, reject) => request(url, options, resolve).on('error', reject).end(body))

async function read(cell, answer, facts) {
  const chunks = []
  for await (const chunk of answer) chunks.push(chunk)
  answered(cell, answer.statusCode, Buffer.concat(chunks), facts)
}

await run({
  get: async cell => read(cell, await send(urlOf(cell))),
  upload: async cell => read(cell, await send(urlOf(cell), { method: 'POST', headers: binary }, upload())),
  events: async cell =>
    readEvents(await send(urlOf(cell)), async event => {
      const answer = await send(`${api}/ack`)
      for await (const _ of answer);
      tell(cell, { event })
    }),
  tunnel: async cell => {
    const answer = await send(urlOf(cell))
    await read(cell, answer, { certificate: fingerprint(answer.socket) })
  },
})
