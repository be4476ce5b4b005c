'use strict'
const { writeFileSync } = require('node:fs')
const { createServer } = require('node:http')
const { connect } = require('node:net')
const { once } = require('node:events')
const { join } = require('node:path')

/**
 * `node tools/code-cache.cjs BUNDLE STATE`: starts the daemon of a bundle, has it serve what every daemon serves, and
 * keeps what V8 compiled for that.
 */
const [bundle, state] = process.argv.slice(2)
const dist = join(bundle, 'dist')
const { pack, scripts } = require(join(dist, 'packs.cjs'))

const CONFIG = `version: 1
routes:
  - { name: some, match: { host: 127.0.0.1, path: /some/** } }
  - { name: all, match: { host: "*" } }
`

async function main() {
  const upstream = createServer((asked, answer) => asked.resume().on('end', () => answer.end('x'.repeat(1_024))))
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  const file = join(state, 'mulligan.yaml')
  writeFileSync(file, CONFIG)
  const socket = name => join(state, name)
  const flags = ['--listen', `unix:${socket('proxy')}`, '--admin', `unix:${socket('admin')}`, '--state', state]
  void pack('cli')
    .cli()
    .main(['start', ...flags, '--log-format', 'json', '--config', file])
  await until(() => ask(socket('proxy'), `GET http://127.0.0.1:${upstream.address().port}/some/a`))
  for (const path of ['/some/b', '/c'])
    await ask(socket('proxy'), `GET http://127.0.0.1:${upstream.address().port}${path}`)
  await ask(socket('proxy'), `POST http://127.0.0.1:${upstream.address().port}/d`, 'body')
  for (const path of ['/readyz', '/metrics', '/v1/status', '/']) await ask(socket('admin'), `GET ${path}`)
  for (const [name, script] of scripts) writeFileSync(join(dist, `${name}.pack.cache`), script.createCachedData())
}

/** Resolves to whether there was an answer. */
function ask(path, line, body = '') {
  return new Promise(resolve => {
    let got = ''
    const socket = connect(path)
    socket.on('error', () => resolve(false))
    socket.on('data', data => (got += data))
    socket.on('close', () => resolve(got.startsWith('HTTP/1.1 200')))
    socket.write(
      `${line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
  })
}

async function until(isSo) {
  const before = performance.now() + 30_000
  while (!(await isSo())) {
    if (performance.now() > before) throw new Error('the bundle does not start')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

main().then(
  () => process.exit(0),
  error => {
    process.stderr.write(`${error.stack}\n`)
    process.exit(1)
  },
)
