import { connect } from 'node:net'
import { test } from 'tap'
import { readAnswer, request, requestBytes } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { JSON_TYPE, keyedScene } from '../support/keyed-scene.js'
import { answer, startUpstream, thoughtOver } from '../support/upstream.js'

const PROTOCOLS = ['adcp', 'json_rpc']

for (const protocol of PROTOCOLS) {
  test(`T2: a 401 whose JSON tells of an error has its token renewed under classify: [${protocol}]`, async t => {
    let token = 'first'
    const upstream = await startUpstream(seen =>
      seen.header('authorization') === 'Bearer second'
        ? answer(200, '{"jsonrpc":"2.0","id":1,"result":{}}', JSON_TYPE)
        : thoughtOver(
            answer(401, '{"error":"invalid_token"}', JSON_TYPE, 'WWW-Authenticate: Bearer error="invalid_token"'),
          ),
    )
    const issuer = await startUpstream(() => {
      const body = { access_token: token, token_type: 'Bearer', expires_in: 3600 }
      token = 'second'
      return answer(200, JSON.stringify(body), JSON_TYPE)
    })
    const daemon = await startTestDaemon(`
credentials:
  vendor:
    source: { oauth2: { token_url: "${issuer.url}/token", client_id: me, client_secret: client-secret } }
    min_interval: 1ms
routes:
  - name: api
    match: { host: 127.0.0.1, port: ${upstream.port} }
    credential: vendor
    classify: [${protocol}]
`)
    t.teardown(() => Promise.all([daemon.close(), upstream.close(), issuer.close()]))
    const got = await request(daemon.port, `${upstream.url}/mcp`, { method: 'POST', body: '{}', fields: [JSON_TYPE] })
    t.equal(got.status, 200)
    t.equal(upstream.seen.length, 2)
  })

  const bodies = ['{"error":"busy"}', '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"busy"}}']
  for (const body of bodies) {
    test(`R1: a 429 is repeated under classify: [${protocol}] although its body, ${body}, says no more`, async t => {
      const said = [answer(429, body, JSON_TYPE, 'Retry-After: 0'), answer(503, body, JSON_TYPE, 'Retry-After: 0')]
      for (const first of said) {
        const { upstream, post } = await keyedScene(t, ({ number }) => (number === 1 ? first : answer(200, 'ok')), [
          `classify: [${protocol}]`,
        ])
        t.equal((await post('{}')).text, 'ok')
        t.equal(upstream.seen.length, 2)
      }
    })
  }
}

test('L11: an event stream that is opened with GET begins at once, also while nothing happens', async t => {
  let finish = (): void => undefined
  const { upstream, daemon } = await keyedScene(
    t,
    (_, socket) => {
      finish = () => socket.end('data: {"jsonrpc":"2.0","method":"x"}\n\n')
      return 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n'
    },
    ['classify: [adcp]'],
  )
  const socket = connect(daemon.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const whole = readAnswer(socket, 'GET')
  const begun = new Promise(resolve => socket.once('data', resolve))
  socket.write(requestBytes(`${upstream.url}/mcp`, { fields: ['Accept: text/event-stream'] }))
  await begun
  finish()
  t.match((await whole).text, /hello[\s\S]*jsonrpc/)
})
