import type { Config, Route } from '../config/config.js'
import { createInterception } from '../config/interception.js'
import { describeMatch, describeUpstream } from '../config/route-words.js'
import { isClientRepeat } from '../http/sdk-retry.js'
import { createRouteTable } from '../route/route-table.js'
import { systemClock } from '../time/clock.js'
import { type CommandInput, listOption, textOption, UsageError } from './command.js'
import { configOf } from './config-flags.js'
import { keyStory } from './describe-key.js'
import { policyRows } from './describe-route.js'
import { createPaint, type Paint, table } from './paint.js'
import { parseAnswers } from './scripted-answers.js'
import { simulate } from './simulate.js'

const OPAQUE =
  'TLS to this host is not ended here, so a CONNECT passes untouched: no route names the host, or it says tls: tunnel. This is what a mount, or https:// in absolute-form, would get'

/** `mulligan explain`: what would become of a request, or what became of one. Nothing is sent upstream. */
export async function run(input: CommandInput): Promise<number> {
  const id = textOption(input, 'exchange')
  checkWords(input, id)
  return id === undefined ? explainRequest(input) : explainRecorded(input, id)
}

function checkWords({ positionals, values }: CommandInput, id: string | undefined): void {
  if (id === undefined) {
    if (values['json'] === true) throw new UsageError('--json belongs to --exchange')
    if (positionals.length < 2) throw new UsageError('explain needs METHOD URL, or --exchange ID')
    return
  }
  const other = positionals[0] ?? ['header', 'answers'].find(name => values[name] !== undefined)
  if (other !== undefined) throw new UsageError(`--exchange takes a request that was; drop "${other}"`)
}

async function explainRecorded(input: CommandInput, id: string): Promise<number> {
  const [{ ask, RefusedError }, { withDaemon }, { explainExchange, exchangeText }] = await Promise.all([
    import('./admin-client.js'),
    import('./with-daemon.js'),
    import('./explain-exchange.js'),
  ])
  const { stdout, env } = input.io
  const { config } = await configOf(input)
  return withDaemon(input, async () => {
    const exchange = await ask(config.listen.admin, 'exchange', { params: { id } }).catch((error: unknown) => {
      if (error instanceof RefusedError && error.status === 404) throw new RefusedError(404, forgotten(id))
      throw error
    })
    const explained = explainExchange(exchange, config)
    stdout.write(
      input.values['json'] === true
        ? `${JSON.stringify(explained, undefined, 2)}\n`
        : exchangeText(explained, createPaint(stdout, env)),
    )
    return 0
  })
}

const forgotten = (id: string): string =>
  `the daemon knows no exchange "${id}": it still runs, is older than the latest 1,000, or was before the daemon started; its log has a record of each`

async function explainRequest(input: CommandInput): Promise<number> {
  const [method = '', target = ''] = input.positionals
  const { stdout, env } = input.io
  const answers = parseAnswers(textOption(input, 'answers') ?? '')
  const fields = listOption(input, 'header').flatMap(parseHeader)
  const { config } = await configOf(input)
  const paint = createPaint(stdout, env)
  const { route, notes } = findRoute(config, method, target)
  stdout.write(`${paint('bold', `${method} ${target}`)}\n`)
  for (const note of notes) stdout.write(`${paint('yellow', 'note')}: ${note}\n`)
  if (route === undefined) {
    const denied = config.egress.unmatched === 'deny'
    stdout.write(
      `route: none; ${denied ? 'refused with 403 destination_denied (egress.unmatched: deny)' : 'passes as it is, no policy acts'}\n`,
    )
    return 0
  }
  stdout.write(describe(route, paint))
  const key = keyStory(route, method, fields)
  if (key.says !== undefined) stdout.write(`key: ${key.says}\n`)
  if (isClientRepeat(fields))
    stdout.write(`${paint('yellow', 'note')}: the client repeats by itself; this is charged to the retry budget\n`)
  if (answers.length === 0) stdout.write('\nAdd --answers 503,429:retry-after=2,200 to see it attempt by attempt.\n')
  else
    stdout.write(`\n${table(simulate(route, key.class, answers, systemClock.now()).map(row => paintRow(row, paint)))}`)
  return 0
}

function paintRow([attempt = '', outcome = '', act = '', why = '']: readonly string[], paint: Paint): string[] {
  return [paint('dim', attempt), outcome, paint(act.startsWith('repeat') ? 'cyan' : 'bold', act), why]
}

function describe(route: Route, paint: Paint): string {
  const target = route.upstream === undefined ? '' : ` → ${describeUpstream(route.upstream)}`
  const rows = policyRows(route).map(([name, says]) => [paint('cyan', name), says])
  return `route: ${paint('bold', route.name)} (${describeMatch(route.match)}${target})\n${table(rows, '  ')}`
}

function findRoute(config: Config, method: string, target: string): { route: Route | undefined; notes: string[] } {
  const routes = createRouteTable(config.routes)
  if (target.startsWith('/')) {
    const mounted = routes.findMount(target)
    if (mounted === undefined)
      throw new UsageError(`no route is mounted at ${target}; give a whole URL or the path of a mount`)
    return { route: mounted.route, notes: [] }
  }
  const url = URL.canParse(target) ? new URL(target) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UsageError(`"${target}" is not an http or https URL`)
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  const port = Number(url.port) || (scheme === 'https' ? 443 : 80)
  const route = routes.find(scheme, host, port, method, url.pathname)
  const opaque = scheme === 'https' && route !== undefined && !createInterception(config, routes)(host, port)
  return { route, notes: opaque ? [OPAQUE] : [] }
}

function parseHeader(text: string): string[] {
  const parts = /^([!#$%&'*+.^`|~\w-]+):\s*(.*)$/.exec(text)
  if (parts === null) throw new UsageError(`--header "${text}" is not a header; write 'name: value'`)
  return [parts[1] ?? '', parts[2] ?? '']
}
