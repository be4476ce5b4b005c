import OpenAI, { toFile } from 'openai'
import { answered, elsewhere, run, tell, upload } from './cells.mjs'

// Its own repeats would hide whose they were.
const options = { apiKey: 'sk-test', maxRetries: 0 }
const client = new OpenAI(options)
const read = async (cell, promise) => {
  const answer = await promise.asResponse()
  answered(cell, answer.status, Buffer.from(await answer.arrayBuffer()))
}

await run({
  get: async cell => read(cell, client.models.retrieve(cell)),
  upload: async cell =>
    read(cell, client.files.create({ file: await toFile(upload(), 'data.jsonl'), purpose: 'batch' })),
  events: async cell => {
    const messages = [{ role: 'user', content: 'Count.' }]
    const stream = await client.chat.completions.create({ model: 'any', messages, stream: true })
    for await (const { choices } of stream) {
      await client.models.retrieve('ack')
      tell(cell, { event: choices[0]?.delta.content })
    }
  },
  tunnel: async cell => read(cell, new OpenAI({ ...options, baseURL: `${elsewhere}/v1` }).models.retrieve('get')),
})
