import Anthropic from '@anthropic-ai/sdk'
import { answered, elsewhere, run, tell, upload } from './cells.mjs'

// Its own repeats would hide whose they were.
const options = { apiKey: 'sk-ant-test', maxRetries: 0 }
const client = new Anthropic(options)
const read = async (cell, promise) => {
  const answer = await promise.asResponse()
  answered(cell, answer.status, Buffer.from(await answer.arrayBuffer()))
}
const ask = content => ({ model: 'any', max_tokens: 100, messages: [{ role: 'user', content }] })

await run({
  get: async cell => read(cell, client.models.retrieve(cell)),
  upload: async cell => read(cell, client.messages.create(ask(upload().toString()))),
  events: async cell => {
    for await (const event of await client.messages.create({ ...ask('Count.'), stream: true })) {
      if (event.type !== 'content_block_delta') continue
      await client.models.retrieve('ack')
      tell(cell, { event: event.delta.text })
    }
  },
  tunnel: async cell => read(cell, new Anthropic({ ...options, baseURL: elsewhere }).models.retrieve('get')),
})
