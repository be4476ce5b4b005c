import t from 'tap'
import { commandLine as cli } from '../../support/command-line.js'

const YAML = `wallets:
  agent:
    evm: { key: 1fhunter2 }
    networks: [base]
    assets: [USDC]
    limits: { per_request: "0.10 USDC", total: "50 USDC" }
    rpc_url: "https://node.example/v3/hunter2?key=hunter2"
  far:
    evm: { remote: { url: "http://127.0.0.1:8550/?key=hunter2" }, address: "0x${'ab'.repeat(20)}" }
    networks: [base]
    assets: [USDC]
    limits: { total: "1 USDC" }
routes: [{ name: a, match: { host: x.example } }]
`

t.test('P11: check shows a wallet with its limits in atomic units, and no key of any kind', async t => {
  const { code, out, err } = await cli(t.testdir({ 'mulligan.yaml': YAML }), 'check --json')
  t.equal(code, 0, err)
  t.match(JSON.parse(out), {
    config: {
      wallets: {
        agent: {
          evm: { source: { kind: 'key', key: { literal: '[redacted]' } } },
          limits: { per_request: { USDC: '100000' }, total: { USDC: '50000000' } },
          rpc_url: 'https://node.example',
        },
        far: { evm: { source: { kind: 'remote' } } },
      },
    },
  })
  t.notMatch(out + err, /hunter2/)
  const text = await cli(t.testdir({ 'mulligan.yaml': YAML }), 'check')
  t.notMatch(text.out + text.err, /hunter2/)
})

t.test('check says what a route may pay, to whom, and nothing of it where it pays nothing', async t => {
  const route = (payment: string) => YAML.replace('x.example } }', `x.example }, payment: ${payment} }`)
  const said = async (payment: string) => {
    const { code, out, err } = await cli(t.testdir({ 'mulligan.yaml': route(payment) }), 'check')
    t.equal(code, 0, err)
    return out
  }
  const first = await said('{ wallet: agent, max: 0.05 USDC }')
  t.match(first, /payment +a 402 by wallet agent on eip155:8453: at most 0\.05 USDC for one request$/m)
  t.match(first, /to each origin's first recipient; good for up to 120s, offers of longer ones too$/m)
  const listed = await said(
    `{ wallet: agent, pay_to: ["0x${'cd'.repeat(20)}"], max_timeout: 30s, when_longer: refuse }`,
  )
  t.match(listed, 'at most 0.1 USDC for one request')
  t.match(listed, `to 0x${'cd'.repeat(20)}; good for up to 30s, no offer of a longer one`)
  t.notMatch(await said('off'), 'payment')
})
