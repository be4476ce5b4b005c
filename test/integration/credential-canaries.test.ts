import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { main } from '../../src/cli.js'
import { type Answer, request } from '../support/client.js'
import { type LiveDaemon, startLive } from '../support/live-daemon.js'
import { type Home, makeHome } from '../support/mulligan.js'
import { answer, startUpstream } from '../support/upstream.js'

/** In every secret of these tests, and in nothing else. */
const CANARY = /kanarie/i
/** Of the secrets that stay what they are; tokens count on. */
const SECRETS = {
  CLIENT_SECRET: 'kanarie-client-secret',
  REFRESH: 'kanarie-refresh-0',
  PASSWORD: 'kanarie-password',
  KEY: 'kanarie-key',
  TWO_LINES: 'kanarie-one\nkanarie-two',
  UNFIT: 'kanarie\u0100unfit',
}
const BASIC = Buffer.from(`ann:${SECRETS.PASSWORD}`).toString('base64')

const json = (status: number, body: unknown) => answer(status, JSON.stringify(body), 'Content-Type: application/json')

/** What a token endpoint may do: it says the secrets that it knows wherever it can. */
const FAILURES: Readonly<Record<string, string>> = {
  down: answer(500, 'kanarie-token'),
  refuses: json(400, { error: 'kanarie-token', error_description: SECRETS.CLIENT_SECRET }),
  html: answer(200, `<p>${SECRETS.CLIENT_SECRET}`),
  redirects: answer(302, '', `Location: http://127.0.0.1:1/?token=${SECRETS.CLIENT_SECRET}`),
  type: json(200, { access_token: 'kanarie-token', token_type: 'kanarie-type' }),
  list: json(200, { access_token: ['kanarie-token'], token_type: 'Bearer', expires_in: 'kanarie' }),
  nothing: json(200, { refresh_token: 'kanarie-refresh' }),
  logout: json(400, { error: 'invalid_grant', error_description: 'kanarie' }),
}

const token = (n: number) =>
  json(200, {
    access_token: `kanarie-token-${n}`,
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token: `kanarie-refresh-${n}`,
  })

/** Prints its token the first time; after that it says on stderr, in all ways known, why there is none. */
const PROGRAM = `
const fs = require('node:fs')
if (!fs.existsSync(process.argv[2])) {
  fs.writeFileSync(process.argv[2], '')
  console.log('kanarie-program-token')
} else {
  console.error('cannot use ' + process.env.PASSWORD + ': token=kanarie1 kanarie-program-token Bearer kanarie2')
  process.exit(1)
}
`

const GRANTS = Object.keys(FAILURES).flatMap(how => [`client-${how}`, `session-${how}`])
const NAMES = ['client-never', 'session-never', ...GRANTS, 'basic', 'query', 'program']
const NEVER = ['lines', 'unfit', 'missing']

function yaml(api: string, issuer: string, folder: string): string {
  const client = `client_id: me, client_secret: { env: CLIENT_SECRET }`
  const refresh = 'grant: refresh_token, refresh_token: { env: REFRESH }, '
  const grants = NAMES.filter(name => name.includes('-')).map(name => {
    const grant = `${name.startsWith('session') ? refresh : ''}token_url: "${issuer}/${name}?key=${SECRETS.KEY}"`
    return `  ${name}: { min_interval: 1ms, source: { oauth2: { ${client}, ${grant} } } }`
  })
  const { hostname, port } = new URL(api)
  const routes = [...NAMES, ...NEVER].map(
    name => `  - { name: ${name}, match: { host: ${hostname}, port: ${port}, path: /${name} }, credential: ${name} }`,
  )
  return `state: state
log: { level: trace }
credentials:
${grants.join('\n')}
  basic: { min_interval: 1ms, inject: { basic: { username: ann } }, source: { env: PASSWORD } }
  query: { min_interval: 1ms, inject: { query: key }, source: { file: key.txt } }
  program:
    min_interval: 1ms
    inject: { header: X-Token }
    source: { exec: { command: [node, program.cjs, "${join(folder, 'ran')}"] } }
  lines: { source: { env: TWO_LINES } }
  unfit: { source: { env: UNFIT } }
  missing: { source: { exec: { command: [node, program.cjs, "${folder}"] } } }
routes:
${routes.join('\n')}
`
}

type Scene = {
  readonly home: Home
  readonly daemon: LiveDaemon
  readonly api: { refuses: boolean; readonly seen: string[] }
  readonly ask: (name: string) => Promise<Answer>
}

/** A daemon with every kind of credential, run as users run it. @param options for its runtime */
async function scene(t: Test, options: readonly string[] = []): Promise<Scene> {
  // Each is good once, and then fails in the way that its name says.
  const endpoint = await startUpstream(({ path, number }) => {
    const how = /-(\w+)/.exec(path)?.[1] ?? ''
    const first = endpoint.seen.filter(seen => seen.path === path).length === 1
    return first ? token(number) : (FAILURES[how] ?? token(number))
  })
  const api: Scene['api'] = { refuses: false, seen: [] }
  const upstream = await startUpstream(({ head }) => {
    api.seen.push(head)
    return api.refuses ? answer(401, 'who?') : answer(200, 'welcome')
  })
  t.teardown(() => Promise.all([endpoint.close(), upstream.close()]))
  const home = makeHome(t, '')
  writeFileSync(home.env['MULLIGAN_CONFIG'] ?? '', yaml(upstream.url, endpoint.url, home.folder))
  writeFileSync(join(home.folder, 'key.txt'), SECRETS.KEY)
  writeFileSync(join(home.folder, 'program.cjs'), PROGRAM)
  const env = { ...home.env, ...SECRETS, NODE_OPTIONS: options.join(' ') }
  const daemon = await startLive(t, { ...home, env })
  const ask = (name: string) =>
    request(daemon.port, `${upstream.url}/${name}?own=1`, { fields: ['Authorization: Bearer kanarie-own'] })
  return { home: { ...home, env }, daemon, api, ask }
}

/** `mulligan WORDS`, and all that it says. */
async function command({ env, folder }: Home, words: readonly string[]) {
  const out: string[] = []
  const stream = { write: (text: string) => out.push(text) }
  const code = await main(words, { stdout: stream, stderr: stream, env, cwd: folder })
  return { code, text: out.join('') }
}

/** Whether a secret stands in it, also as Basic carries it. */
const leaks = (text: string): boolean => CANARY.test(text) || text.includes(BASIC)

test('T8: no secret is in any log line, answer of ours, status, or output of a command', async t => {
  const { home, daemon, api, ask } = await scene(t)
  const said: [where: string, text: string][] = []
  const note = (where: string, { head, text }: Answer) => said.push([where, `${head}\n${text}`])
  const run = async (...words: string[]) => {
    const { code, text } = await command(home, words)
    t.equal(code, 0, words.join(' '))
    said.push([words.join(' '), text])
  }
  const look = async () => {
    await run('status', '--admin', daemon.admin)
    await run('status', '--json', '--admin', daemon.admin)
    for (const path of ['/v1/credentials', '/v1/status', '/readyz'])
      said.push([path, await (await fetch(`http://${daemon.admin}${path}`)).text()])
  }
  for (const name of NAMES) t.equal((await ask(name)).text, 'welcome', name)
  for (const text of ['Bearer kanarie-token-', BASIC, `key=${SECRETS.KEY}`, 'X-Token: kanarie-program-token'])
    t.ok(
      api.seen.some(head => head.includes(text)),
      `the upstream gets ${text}: the scan has something to find`,
    )
  await look()
  for (const name of NEVER) {
    const got = await ask(name)
    t.match(got.text, /"code":"token_(?:unavailable|login_required)"/, name)
    note(name, got)
  }
  api.refuses = true
  for (const name of NAMES) {
    const got = await ask(name)
    t.equal(`${got.status} ${got.text}`, '401 who?', name)
    note(name, got)
  }
  await look()
  await run('check')
  await run('check', '--json')
  for (const name of ['client-never', 'query'])
    await run('explain', 'GET', `http://127.0.0.1/${name}`, '--answers', '401,200')
  await daemon.stop()
  said.push(['the log', daemon.printed()])
  for (const name of [...GRANTS, 'program']) {
    const ends = [...daemon.printed().matchAll(new RegExp(`"credential":"${name}".*?"outcome":"(\\w+)"`, 'g'))]
    const last = name.endsWith('-logout') ? 'permanent' : 'failed'
    t.strictSame(
      ends.map(([, outcome]) => outcome),
      ['ok', last],
      `${name} was good, and then was not`,
    )
  }
  for (const [where, text] of said) t.notOk(leaks(text), `${where}: ${/.*kanarie.*/i.exec(text)?.[0]}`)
})

test('T8: a configuration with a secret in the wrong place is refused without showing it', async t => {
  const { home, daemon } = await scene(t)
  const oauth2 = (text: string) =>
    `source: { oauth2: { token_url: "https://id.example/t", client_id: me, client_auth: none, ${text} } }`
  const wrong = [
    'source: { env: kanarie-token }',
    'source: { token: kanarie-token }',
    'source: { env: { value: kanarie-token } }',
    oauth2('client_secert: kanarie-secret'),
    oauth2('client_secret: { value: kanarie-secret }'),
    oauth2('device_url: "https://me:kanarie@id.example/d"'),
    oauth2('device_url: "https://me:kanarie kanarie@id.example/d"'),
    oauth2('device_url: "ftp://id.example/d?key=kanarie"'),
  ]
  for (const text of wrong) {
    writeFileSync(home.env['MULLIGAN_CONFIG'] ?? '', `credentials:\n  v:\n    ${text}\n`)
    for (const words of [['check'], ['check', '--json']]) {
      const said = await command(home, words)
      t.equal(said.code, 2, text)
      t.notMatch(said.text, CANARY, `${words.join(' ')}: ${text}`)
    }
    daemon.kill('SIGHUP')
    t.match((await daemon.next(({ msg }) => /^reload refused/.test(String(msg))))['report'], /credentials\.v/)
  }
  await daemon.stop()
  t.notMatch(daemon.printed(), CANARY)
})

test('T8: what the process writes when it meets a bug, or its runtime dies, holds no secret', async t => {
  const folder = t.testdir({
    'bug.cjs': `
      process.on('SIGUSR2', () => {
        process.report.writeReport('fatal.json')
        const cause = new SyntaxError('Unexpected token in ' + process.env.CLIENT_SECRET)
        const error = new TypeError('cannot use kanarie-token-number-1 as a URL', { cause })
        throw Object.assign(error, { code: 'ERR_INVALID_URL', input: 'http://api/?key=' + process.env.KEY })
      })
    `,
    reports: {},
  })
  const reports = `${folder}/reports`
  const { daemon, ask } = await scene(t, [
    `--require=${folder}/bug.cjs`,
    '--report-uncaught-exception',
    `--report-directory=${reports}`,
  ])
  for (const name of NAMES) await ask(name)
  daemon.kill('SIGUSR2')
  const bug = await daemon.said(({ msg }) => msg === 'bug in mulligan, still serving')
  t.match(bug['bug'], {
    type: 'TypeError',
    code: 'ERR_INVALID_URL',
    message: 'cannot use [redacted] as a URL',
    stack: /^ {4}at .*bug\.cjs:\d+/,
    cause: { type: 'SyntaxError', message: 'Unexpected token in [redacted]' },
  })
  t.equal((await ask('client-never')).text, 'welcome', 'it goes on')
  await daemon.stop()
  t.notMatch(daemon.printed(), CANARY)
  t.notOk(daemon.printed().includes(BASIC))
  t.strictSame(readdirSync(reports), ['fatal.json'], 'a bug that is survived makes no report')
  const major = Number(process.versions.node.split('.')[0])
  if (major < 22) t.comment('Node 20 cannot leave the environment out of a report')
  else t.notMatch(readFileSync(join(reports, 'fatal.json'), 'utf8'), CANARY)
})
