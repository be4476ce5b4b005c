import { test } from 'tap'
import { proveClient, type RunClient } from '../support/run-clients.js'

const READ = `const read = (m, u, options = {}) => new Promise((done, fail) => m.get(u, options, answer => {
  let text = ''
  answer.on('data', part => { text += part }).on('end', () => done(text))
}).on('error', fail))`

/** How each asks: `url` is given, what it gives is printed. */
const ASK: Readonly<Record<string, string>> = {
  fetch: 'const ask = async url => (await fetch(url)).text()',
  https: `import https from 'node:https'; ${READ}; const ask = url => read(https, url)`,
  'https with an agent of its own': `import { Agent, get } from 'node:https'; ${READ}
    const agent = new Agent({ keepAlive: true }); const ask = url => read({ get }, url, { agent, headers: ['Host', new URL(url).host] })`,
  axios: "import axios from 'axios'; const ask = async url => JSON.stringify((await axios.get(url)).data)",
  got: "import got from 'got'; const ask = url => got(url, { retry: { limit: 0 } }).text()",
  'node-fetch': "import fetch from 'node-fetch'; const ask = async url => (await fetch(url)).text()",
  undici: "import { request } from 'undici'; const ask = async url => (await request(url)).body.text()",
  openai: `import OpenAI from 'openai'
    const ask = async url => (await new OpenAI({ apiKey: 'k', baseURL: url, maxRetries: 0 }).models.list()).data[0].id`,
  anthropic: `import Anthropic from '@anthropic-ai/sdk'
    const ask = async url => (await new Anthropic({ apiKey: 'k', baseURL: url, maxRetries: 0 }).models.list()).data[0].id`,
  stripe: `import Stripe from 'stripe'
    const ask = async url => {
      const { hostname, port, pathname } = new URL(url)
      const stripe = new Stripe('sk_test_k', { host: hostname, port: port || 443, maxNetworkRetries: 0 })
      return (await stripe.rawRequest('GET', pathname)).data[0].id
    }`,
}

/** This Node, and those that the environment names: `MULLIGAN_NODES=/path/to/node22:/path/to/node24`. */
const nodes = [process.execPath, ...(process.env['MULLIGAN_NODES'] ?? '').split(':').filter(path => path !== '')]

for (const node of nodes) {
  for (const [name, ask] of Object.entries(ASK)) {
    const script = `${ask}\nfor (const url of process.argv.slice(1)) console.log(await ask(url))`
    const client: RunClient = {
      name: `${name} of ${node}`,
      probe: [node, '--version'],
      command: () => [node, '--input-type=module', '-e', script, '--'],
    }
    test(`FP-27: ${client.name} gets its second shot through mulligan run`, t => proveClient(t, client))
  }
}
