import t from 'tap'
import { defaultConfig } from '../../../src/config/default-config.js'
import { parseConfig } from '../../../src/config/load.js'
import { effectiveJson } from '../../../src/config/shown-config.js'

const YAML = `listen: { auth: { username: me, password: canary-1 } }
egress: { proxy: { url: "http://hop.example:3128", username: { exec: [hop-user, canary-2] }, password: { env: HOP } } }
credentials:
  params:
    inject: { header: authorization }
    source: { exec: { command: [token-tool, --key, canary-3], format: text } }
  told:
    inject: { header: authorization }
    source:
      oauth2:
        grant: client_credentials
        token_url: "https://login.example/oauth/token?code=canary-4"
        client_id: our-app
        client_secret: { exec: [vault, read, canary-5] }
        params: { resource: canary-6, tenant: canary-7 }
wallets:
  agent:
    evm: { exec: { command: [signer, canary-8] }, address: "0x${'ab'.repeat(20)}" }
    networks: [base]
    assets: [USDC]
    limits: { per_request: "0.10 USDC", total: "50 USDC" }
    rpc_url: "https://node.example/v3/canary-9"
  far:
    evm: { remote: { url: "https://signer.example/canary-10" }, address: "0x${'ab'.repeat(20)}" }
    networks: [base]
    assets: [USDC]
    limits: { per_request: "0.10 USDC", total: "50 USDC" }
routes: [{ name: a, match: { host: x.example } }]
`

t.test('T8: what the configuration tells programs, token endpoints, nodes and signers is not shown', t => {
  const { config } = parseConfig('/etc/mulligan.yaml', YAML, { HOME: '/home/me' })
  const text = JSON.stringify(effectiveJson(config))
  t.notMatch(text, /canary/)
  t.match(JSON.parse(text), {
    listen: { auth: { password: { literal: '[redacted]' } } },
    egress: { proxy: { auth: { username: { exec: ['hop-user', '[redacted]'] }, password: { env: 'HOP' } } } },
    credentials: {
      params: { source: { exec: { command: ['token-tool', '[redacted]', '[redacted]'], format: 'text' } } },
      told: {
        source: {
          oauth2: {
            token_url: 'https://login.example/oauth/token?[redacted]',
            client_id: 'our-app',
            client_secret: { exec: ['vault', '[redacted]', '[redacted]'] },
            params: { resource: '[redacted]', tenant: '[redacted]' },
          },
        },
      },
    },
    wallets: {
      agent: { rpc_url: 'https://node.example', limits: { total: { USDC: '50000000' } } },
      far: { evm: { source: { url: 'https://signer.example' } } },
    },
  })
  t.end()
})

t.test('a configuration without secrets is shown as it is', t => {
  const config = defaultConfig({ HOME: '/home/me' })
  t.strictSame(JSON.parse(JSON.stringify(effectiveJson(config))), JSON.parse(JSON.stringify(config)))
  t.end()
})
