import type { Answers, CredentialAnswer, StatusAnswer } from '../admin/answers.js'
import type { ListenAddress } from '../config/config.js'
import type { BreakerView, RouteView } from '../serving/views.js'
import { systemClock } from '../time/clock.js'
import { ask, NoDaemonError } from './admin-client.js'
import type { CommandInput } from './command.js'
import { configOf } from './config-flags.js'
import { formatSize } from './format-size.js'
import { createPaint, type Paint, table } from './paint.js'
import { describeSpan } from './span.js'
import { withDaemon } from './with-daemon.js'

/** `mulligan status`: what the running daemon of this configuration is doing. */
export async function run(input: CommandInput): Promise<number> {
  const { stdout, env } = input.io
  const { config } = await configOf(input)
  return withDaemon(input, async () => {
    const status = await askAll(config.listen.admin)
    const asJson = input.values['json'] === true
    stdout.write(
      asJson
        ? `${JSON.stringify(status, undefined, 2)}\n`
        : toText(status, createPaint(stdout, env), systemClock.now()),
    )
    return 0
  })
}

type Status = StatusAnswer & Partial<Answers['routes'] & Answers['breakers']>

/** @throws NoDaemonError */
async function askAll(admin: ListenAddress | undefined): Promise<Status> {
  const status = await ask(admin, 'status')
  try {
    const [routes, breakers] = await Promise.all([ask(admin, 'routes'), ask(admin, 'breakers')])
    return { ...status, ...routes, ...breakers }
  } catch (error) {
    // One of another version may know less, and what it knows is worth showing.
    if (error instanceof NoDaemonError) return status
    throw error
  }
}

function toText(status: Status, paint: Paint, now: number): string {
  const { version, pid, uptime_s, workers, draining, load, problems, credentials, routes = [], breakers = [] } = status
  const end = draining ? `, ${paint('yellow', 'draining')}: it ends when what runs is done` : ''
  const much = load.overloaded ? `, ${paint('yellow', 'overloaded')}: some requests are turned away` : ''
  const crew = workers === 1 ? '' : `, ${workers} workers`
  const head = `${paint('bold', `mulligan ${version}`)}, process ${pid}${crew}, up for ${describeSpan(uptime_s)}${end}${much}\n`
  const bad = problems
    .filter(problem => !/^it drains\b/.test(problem))
    .map(text => `${paint('red', 'not ready')}: ${text}\n`)
  const troubled = breakers.filter(({ breaker, waiting }) => breaker === 'open' || breaker === 'probing' || waiting > 0)
  const sections: [title: string, rows: string[][]][] = [
    ['Credentials', credentials.flatMap(credential => credentialRows(credential, paint, now))],
    ['Routes', routeRows(routes, paint)],
    ['Origins in trouble', troubled.map(breaker => breakerRow(breaker, paint))],
  ]
  const shown = sections.flatMap(([title, rows]) =>
    rows.length === 0 ? [] : [`\n${paint('bold', title)}\n\n${table(rows)}`],
  )
  return [head, ...bad, '\n', table(addressRows(status, paint)), ...shown].join('')
}

function addressRows({ proxy, mounts, load }: Status, paint: Paint): string[][] {
  const { inflight, tunnels, clients, upstream_connections, body_memory } = load
  const rows: [string, string][] = [
    ['proxy', proxy.join(', ')],
    ['mounts', mounts === 'same' ? 'same as proxy' : mounts],
    [
      'now',
      `${counted(inflight, 'request')}, ${counted(tunnels, 'tunnel')}, ${counted(clients, 'client connection')}, ${counted(upstream_connections, 'upstream connection')}, bodies ${formatSize(body_memory)}`,
    ],
  ]
  return rows.map(([name, text]) => [paint('cyan', name), text])
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** Those that nothing came for say nothing. */
function routeRows(routes: readonly RouteView[], paint: Paint): string[][] {
  const busy = routes.filter(({ requests }) => requests > 0)
  if (busy.length === 0) return []
  const head = ['route', 'requests', 'succeeded', 'rescued', 'attempts', 'waited'].map(name => paint('dim', name))
  const rows = busy.map(({ name, requests, succeeded, rescued, attempts, waited_s }) => [
    paint('cyan', name),
    String(requests),
    `${succeeded} (${Math.floor((succeeded / requests) * 100)}%)`,
    rescued === 0 ? '0' : paint('green', String(rescued)),
    String(attempts),
    describeSpan(waited_s),
  ])
  return [head, ...rows]
}

function breakerRow({ origin, breaker, retry_in_s, waiting }: BreakerView, paint: Paint): string[] {
  const state =
    breaker === 'open' ? paint('red', 'breaker open') : breaker === 'probing' ? paint('yellow', 'probing') : ''
  const parts = [
    ...(state === '' ? [] : [breaker === 'open' ? `${state}, next probe in ${describeSpan(retry_in_s)}` : state]),
    ...(waiting === 0 ? [] : [`${counted(waiting, 'request')} waiting at the cooldown gate`]),
  ]
  return [paint('cyan', origin), parts.join('; ')]
}

function credentialRows(credential: CredentialAnswer, paint: Paint, now: number): string[][] {
  const { name, source, retry_after_s, error } = credential
  const again = retry_after_s > 0 ? `; not asked again for ${describeSpan(retry_after_s)}` : ''
  return [
    [paint('cyan', name), `${stateOf(credential, paint)}; ${tokenOf(credential, now)}`],
    ['', source],
    ...(error === null ? [] : [['', `${error}${again}`]]),
  ]
}

function stateOf({ state }: CredentialAnswer, paint: Paint): string {
  switch (state) {
    case 'none':
      return 'asked when a request needs it'
    case 'valid':
      return paint('green', 'valid')
    case 'renewing':
      return paint('green', 'renewing')
    case 'cooling':
      return paint('yellow', 'failed')
    case 'needs_login':
      return paint('red', 'failed until you do something')
  }
}

function tokenOf({ usable, generation, token, expires_at }: CredentialAnswer, now: number): string {
  if (generation === 0) return 'no token'
  const which = `token ${generation}${token === null ? '' : ` (${token})`}`
  if (!usable) return `${which} has ended`
  if (expires_at === null) return `${which} does not say when it ends`
  return `${which} ends in ${describeSpan((Date.parse(expires_at) - now) / 1_000)}`
}
