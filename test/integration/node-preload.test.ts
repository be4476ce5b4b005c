import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { packageRoot } from '../../src/config/package-root.js'
import { makeCertificate } from '../support/certificate.js'
import { startTestDaemon } from '../support/daemon.js'
import { shortDir } from '../support/short-dir.js'
import { answer, startUpstream } from '../support/upstream.js'

const PRELOAD = fileURLToPath(new URL('../../src/child/node-preload.cjs', import.meta.url))
const CERTIFICATE = makeCertificate()
const READ = `const http = require('node:http'), https = require('node:https')
const read = (url, options = {}, body) => new Promise((done, fail) =>
  (String(url).startsWith('https') ? https : http).request(...(typeof url === 'string' ? [url, options] : [url]), answer => {
    let text = answer.statusCode + ' '
    answer.on('data', part => { text += part }).on('end', () => done(text))
  }).on('error', fail).end(body))
const say = promise => promise.then(console.log, error => console.log(error.code, error.message, error.cause?.message))
`

type Scene = {
  readonly plain: string
  readonly secure: string
  readonly proxy: string
  /** What a script prints under the preload. @param args of node, in front of the script */
  readonly node: (script: string, env?: NodeJS.ProcessEnv, args?: readonly string[]) => Promise<string>
  /** Paths of the requests that the daemon saw, in or out of a tunnel. */
  readonly seen: () => string[]
}

async function preloadScene(t: Test, listen = '{ auth: { username: u, password: p } }'): Promise<Scene> {
  const script = ({ method, path, body }: { method: string; path: string; body: Buffer }) =>
    answer(200, `${method} ${path} ${body}`)
  const plain = await startUpstream(script)
  const secure = await startUpstream(script, { tls: CERTIFICATE })
  const daemon = await startTestDaemon(`listen: ${listen}\nroutes: [{ name: all, match: { host: "*" } }]\n`)
  t.teardown(async () => {
    await plain.close()
    await secure.close()
    await daemon.close()
  })
  const roots = join(shortDir(t), 'roots.pem')
  writeFileSync(roots, CERTIFICATE.cert)
  const proxy = `http://u:p@127.0.0.1:${daemon.port}`
  const base = {
    PATH: process.env['PATH'] ?? '',
    http_proxy: proxy,
    HTTPS_PROXY: proxy,
    NODE_OPTIONS: `--require ${PRELOAD}`,
    NODE_EXTRA_CA_CERTS: roots,
  }
  return {
    plain: `http://localhost:${plain.port}`,
    secure: `https://localhost:${secure.port}`,
    proxy: daemon.url,
    node: async (script, env = {}, args = []) => {
      const options = { env: { ...base, ...env }, cwd: fileURLToPath(packageRoot()) }
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...args, '-e', script], options)
      return stdout + stderr
    },
    seen: () => daemon.exchanges().flatMap(({ mode, path }) => (mode === 'forward' ? [path] : [])),
  }
}

test('FP-27: plain requests go to the proxy in absolute-form, however they are made', async t => {
  const { plain, node, seen } = await preloadScene(t)
  const script = `${READ}
    const agent = new http.Agent({ keepAlive: true })
    void (async () => {
      for (const [path, options, body] of [
        ['/default', {}], ['/agent', { agent }], ['/again', { agent }], ['/none', { agent: false }],
        ['/fields', { headers: ['Host', '${new URL(plain).host}', 'X-A', '1'] }],
        ['/post', { method: 'POST' }, 'body'],
        ['/expect', { method: 'PUT', headers: { expect: '100-continue', 'content-length': 4 } }, 'body'],
      ]) await say(read('${plain}' + path, options, body))
      agent.destroy()
    })()`
  t.equal(
    await node(script),
    '200 GET /default \n200 GET /agent \n200 GET /again \n200 GET /none \n200 GET /fields \n200 POST /post body\n200 PUT /expect body\n',
  )
  t.same(seen(), ['/default', '/agent', '/again', '/none', '/fields', '/post', '/expect'])
})

test('FP-27: what is for no proxy goes there without one', async t => {
  const { plain, secure, node, seen } = await preloadScene(t)
  const { host, port } = new URL(plain)
  const rows: [noProxy: string, direct: boolean][] = [
    ['localhost', true],
    ['other, LOCALHOST', true],
    ['.localhost', true],
    ['*.localhost', false],
    [host, true],
    ['*', true],
    [`localhost:${Number(port) + 1}`, false],
    ['ocalhost', false],
    ['127.0.0.1', false],
    ['', false],
  ]
  let proxied = 0
  for (const [no_proxy, direct] of rows) {
    await node(`${READ} say(read('${plain}/x'))`, { no_proxy })
    if (!direct) proxied++
    t.equal(seen().length, proxied, no_proxy)
  }
  await node(`${READ} say(read('${plain}/x')); say(read('${secure}/x'))`, {
    http_proxy: '',
    HTTPS_PROXY: 'socks5://x:1',
  })
  t.equal(seen().length, proxied, 'no variable, and no HTTP proxy')
})

test('FP-27: a proxy of the program’s own, a socket of its own and a unix socket are left alone', async t => {
  const { plain, secure, proxy, node, seen } = await preloadScene(t, '{}')
  const path = join(shortDir(t), 's')
  const local = createServer((request, response) => response.end(`unix ${request.url}`)).listen(path)
  t.teardown(() => local.close())
  const { hostname, port } = new URL(proxy)
  const script = `${READ}
    const net = require('node:net'), { HttpsProxyAgent } = require('https-proxy-agent')
    void (async () => {
      await say(read({ socketPath: '${path}', path: '/u' }))
      await say(read({ host: '${hostname}', port: ${port}, path: '${plain}/own', headers: { host: 'localhost' } }))
      await say(read('${plain}/socket', { createConnection: () => net.connect(${new URL(plain).port}, 'localhost') }))
      await say(read('${secure}/agent', { agent: new HttpsProxyAgent('${proxy}') }))
    })()`
  t.equal(await node(script), '200 unix /u\n200 GET /own \n200 GET /socket \n200 GET /agent \n')
  t.same(seen(), ['/own'])
})

test('FP-27: what the proxy refuses is told in its words', async t => {
  const { plain, secure, proxy, node } = await preloadScene(t)
  const env = { http_proxy: proxy, HTTPS_PROXY: proxy }
  t.match(await node(`${READ} say(read('${plain}/x'))`, env), /^407 \{"type":"urn:mulligan:fault:proxy_auth_required"/)
  t.match(
    await node(`${READ} say(read('${secure}/x'))`, env),
    /^ERR_PROXY_TUNNEL no tunnel to localhost:\d+: the proxy answered 407 .*mulligan; error=/,
  )
  t.match(
    await node(`${READ} say(fetch('${secure}/x'))`, env),
    /fetch failed no tunnel to localhost:\d+: the proxy answered 407/,
  )
  const gone = { HTTPS_PROXY: 'http://127.0.0.1:9' }
  t.match(await node(`${READ} say(read('${secure}/x'))`, gone), /^ECONNREFUSED/)
})

test('FP-27: a dispatcher that the program sets wins, for fetch and for undici', async t => {
  const { plain, node, seen } = await preloadScene(t)
  const script = `const { setGlobalDispatcher, getGlobalDispatcher, Agent, request } = require('undici')
    void (async () => {
      console.log(await (await request('${plain}/proxied')).body.text(), typeof getGlobalDispatcher().compose)
      setGlobalDispatcher(new Agent())
      console.log(await (await fetch('${plain}/direct')).text())
      console.log(await (await request('${plain}/direct')).body.text())
    })()`
  t.equal(await node(script), 'GET /proxied  function\nGET /direct \nGET /direct \n')
  t.same(seen(), ['/proxied'])
})

test('FP-27: workers, forks and modules are covered, and nothing is loaded or printed before it is needed', async t => {
  const { plain, node, seen } = await preloadScene(t)
  const fetching = (path: string) => `fetch("${plain}${path}").then(a => a.text()).then(console.log)`
  t.equal(
    await node(`new (require('node:worker_threads').Worker)('${fetching('/worker')}', { eval: true })`),
    'GET /worker \n',
  )
  t.equal(
    await node(
      `require('node:child_process').execFileSync(process.execPath, ['-e', '${fetching('/child')}'], { stdio: 'inherit' })`,
    ),
    'GET /child \n',
  )
  const module = `import https, { get } from 'node:https'; import http from 'node:http'; http.get('${plain}/module', a => a.pipe(process.stdout))`
  t.equal(await node(module, {}, ['--input-type=module']), 'GET /module ')
  t.same(seen(), ['/worker', '/child', '/module'])
  t.equal(await node("console.log(Object.keys(require.cache).filter(name => name.includes('undici')).length)"), '0\n')
})
