import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fastify } from 'fastify'
import { type Test, test } from 'tap'
import { Page } from '../../src/admin/page.js'
import { answerErrors } from '../../src/admin/refusals.js'
import { QUIET_WORLD } from '../support/managed.js'
import { shortDir } from '../support/short-dir.js'

/** The routes of a page in this folder. */
function serve(t: Test, folder: string) {
  const page = new Page(pathToFileURL(`${folder}/`))
  const app = fastify()
  answerErrors(app, QUIET_WORLD.logger)
  app.get('/', (request, reply) => page.index(request, reply))
  app.get<{ Params: { file: string } }>('/page/:file', (request, reply) =>
    page.file(request.params.file, request, reply),
  )
  t.teardown(() => app.close())
  return (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })
}

test('the page is served as it was built, and a browser that has it is told so', async t => {
  const folder = shortDir(t)
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
  writeFileSync(join(folder, 'app.js'), 'let a')
  writeFileSync(join(folder, 'icon.svg'), '<svg/>')
  const get = serve(t, folder)
  const rows: [string, string, string][] = [
    ['/', '<!doctype html>', 'text/html; charset=utf-8'],
    ['/page/app.js', 'let a', 'text/javascript; charset=utf-8'],
    ['/page/icon.svg', '<svg/>', 'image/svg+xml'],
  ]
  for (const [path, body, type] of rows) {
    const first = await get(path)
    t.same([first.statusCode, first.body, first.headers['content-type']], [200, body, type])
    t.equal(first.headers['cache-control'], 'no-cache')
    const tag = String(first.headers['etag'])
    t.match(tag, /^"[\w-]{22}"$/)
    const again = await get(path, { 'if-none-match': tag })
    t.same([again.statusCode, again.body, again.headers['etag']], [304, '', tag])
    t.equal((await get(path, { 'if-none-match': '"other"' })).statusCode, 200)
  }
  writeFileSync(join(folder, 'app.js'), 'let b')
  t.equal((await get('/page/app.js')).body, 'let a', 'it was read once')
})

test('only files that the folder lists have a name', async t => {
  const above = shortDir(t)
  const folder = join(above, 'page')
  mkdirSync(join(folder, 'deep'), { recursive: true })
  writeFileSync(join(above, 'secret.txt'), 'secret')
  writeFileSync(join(folder, 'deep', 'a.js'), 'secret')
  writeFileSync(join(folder, 'index.html'), '')
  writeFileSync(join(folder, 'a?b #.js'), 'odd')
  const get = serve(t, folder)
  const away = [
    '..%2fsecret.txt',
    '..%5csecret.txt',
    '%2e%2e%2fsecret.txt',
    'deep%2fa.js',
    'deep',
    'a',
    '__proto__',
    '.',
    '%00',
  ]
  for (const name of away) {
    const { statusCode, body } = await get(`/page/${name}`)
    t.equal(statusCode, 404, name)
    t.notMatch(body, 'secret')
  }
  t.equal((await get('/page/a%3Fb%20%23.js')).body, 'odd')
})

test('a build without a page says so, and has one as soon as it is there', async t => {
  const folder = join(shortDir(t), 'page')
  const get = serve(t, folder)
  const without = await get('/')
  t.match(without, { statusCode: 200, body: /^This build of mulligan has no page\./ })
  t.match(without.headers['content-type'], 'text/plain')
  t.equal((await get('/page/app.js')).statusCode, 404)
  mkdirSync(folder)
  writeFileSync(join(folder, 'index.html'), 'here')
  t.equal((await get('/')).body, 'here')
})
