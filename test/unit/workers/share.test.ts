import t from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { shareOf } from '../../../src/workers/share.js'

const YAML = `
workers: 3
limits: { connections: 100, body_memory_total: 10MiB, queue: 7 }
credentials: { vendor: { source: { env: TOKEN }, min_interval: 30s } }
`

t.test('a worker has its part of what is counted in one process, and no pace of its own for tokens', t => {
  const { config } = parseConfig('/etc/m.yaml', YAML, { HOME: '/home/u' })
  const share = shareOf(config, config.workers)
  t.same(share.limits, { ...config.limits, connections: 34, body_memory_total: 3_495_253 })
  t.equal(share.credentials['vendor']?.min_interval, 0)
  t.same({ ...share, limits: config.limits, credentials: config.credentials }, config, 'all else is the same')
  t.same(structuredClone(share), share, 'and all of it can travel')
  t.end()
})
