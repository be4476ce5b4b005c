import { spawnSync } from 'node:child_process'
import t from 'tap'
import { curlLine, type Doors } from '../../../page/curl.js'
import { exchangeDetail } from '../../support/exchange-views.js'

const DOORS: Doors = {
  proxy: ['unix:/run/m.sock', 'http://127.0.0.1:8402'],
  mounts: 'same',
  admin: 'http://127.0.0.1:8403',
  routes: [{ name: 'openai', mount: '/openai', upstream: 'https://api.openai.test' }],
}

/** What a shell makes of it. */
function words(line: string): string[] {
  const { stdout } = spawnSync('bash', ['-c', `printf '%s\\0' ${line.replace(/^curl /, '')}`])
  return stdout.toString('utf8').split('\0').slice(0, -1)
}

t.test('a plain request goes through the proxy that curl can name', t => {
  const line = curlLine(
    exchangeDetail({
      fields: [
        ['Host', 'api.test'],
        ['Accept', '*/*'],
      ],
    }),
    DOORS,
  )
  t.equal(line, "curl --path-as-is --globoff --proxy http://127.0.0.1:8402 http://api.test/items -H 'Accept: */*'")
  t.end()
})

t.test('whatever a client sent, the shell hands it to curl unchanged', t => {
  const evil = `$(touch x) \`id\` ' " \\ ! ; & | > é`
  const url = `http://api.test/a'b;c$(d)&e`
  const exchange = exchangeDetail({
    url,
    method: "M'X",
    bytes_in: 4,
    fields: [
      ['x-evil', evil],
      ['x-empty', ''],
    ],
  })
  const got = words(curlLine(exchange, DOORS))
  t.ok(got.includes(`x-evil: ${evil}`) && got.includes('x-empty;') && got.includes(url) && got.includes("M'X"))
  t.strictSame(got.slice(-2), ['--data-binary', '@request-body'])
  t.end()
})

t.test('what is masked, and a query that was not kept, stay visibly so', t => {
  const fields = [
    ['authorization', '[redacted]'],
    ['proxy-authorization', '[redacted]'],
  ] as const
  const got = words(curlLine(exchangeDetail({ query: true, fields }), DOORS))
  t.ok(got.includes('authorization: [redacted]') && got.includes('http://api.test/items?[redacted]'))
  t.strictSame(got.slice(got.indexOf('--proxy-user')).slice(0, 2), ['--proxy-user', '[redacted]'])
  t.end()
})

t.test('fields of one connection are left to curl, and codings to what it can undo', t => {
  const names = [
    'Content-Length',
    'Connection',
    'TE',
    'Transfer-Encoding',
    'Proxy-Connection',
    'Expect',
    'Accept-Encoding',
  ]
  const line = curlLine(exchangeDetail({ fields: names.map(name => [name, '1'] as const) }), DOORS)
  t.match(line, /\/items --compressed$/)
  t.end()
})

t.test('each way into the daemon has its own line', t => {
  const mount = exchangeDetail({ mode: 'mount', route: 'openai', url: 'https://api.openai.test/v1/models' })
  t.match(curlLine(mount, DOORS), / http:\/\/127\.0\.0\.1:8402\/openai\/v1\/models$/)
  t.match(curlLine(mount, { ...DOORS, mounts: 'http://127.0.0.1:9' }), / http:\/\/127\.0\.0\.1:9\/openai\/v1\/models$/)
  t.match(
    curlLine(mount, { ...DOORS, mounts: 'unix:/run/m.sock' }),
    / --unix-socket \/run\/m\.sock http:\/\/localhost\/openai\/v1\/models$/,
  )
  const intercepted = exchangeDetail({ mode: 'intercept', url: 'https://api.test/x' })
  t.match(
    curlLine(intercepted, DOORS),
    / --cacert <\(curl -s http:\/\/127\.0\.0\.1:8403\/ca\.pem\) https:\/\/api\.test\/x$/,
  )
  const tunnel = exchangeDetail({ mode: 'tunnel', method: 'CONNECT', url: 'api.test:443', bytes_in: 900 })
  t.match(curlLine(tunnel, DOORS), / --proxy http:\/\/127\.0\.0\.1:8402 https:\/\/api\.test:443\/$/)
  t.match(curlLine(exchangeDetail({ method: 'HEAD' }), DOORS), / --head$/)
  t.match(curlLine(exchangeDetail({ method: 'POST' }), DOORS), / -X POST$/)
  t.end()
})
