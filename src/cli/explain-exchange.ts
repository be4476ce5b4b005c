import type { Config, Route } from '../config/config.js'
import { parseAuthority } from '../http/authority.js'
import { createRouteTable } from '../route/route-table.js'
import type { ExchangeDetail } from '../serving/views.js'
import { formatMillis } from '../time/units.js'
import { type Paint, table } from './paint.js'
import { type Replayed, replay } from './replay.js'

/** What a daemon did with one request, attempt by attempt, beside what the configuration here would do. */
type ExplainedExchange = {
  readonly exchange: ExchangeDetail
  /** Of the configuration here that is taken for it; `null` when there is none. */
  readonly route: string | null
  readonly notes: readonly string[]
  readonly attempts: readonly Replayed[]
}

export function explainExchange(exchange: ExchangeDetail, config: Config): ExplainedExchange {
  const { route, notes } = routeToday(exchange, config)
  return { exchange, route: route?.name ?? null, notes, attempts: replay(exchange, route, config) }
}

/** By its name; without one, by where the request went. A mount and `upstream` hide that, so there the name alone counts. */
function routeToday(exchange: ExchangeDetail, { routes }: Config): { route: Route | undefined; notes: string[] } {
  const named = routes.find(({ name }) => name === exchange.route)
  if (exchange.mode === 'mount' || named?.upstream !== undefined) {
    return { route: named, notes: named === undefined ? [`there is no route "${exchange.route}" here`] : [] }
  }
  const matched = matchOf(exchange, routes)
  if (matched === named) return { route: named, notes: [] }
  const now = matched === undefined ? 'no route takes it' : `"${matched.name}" takes it`
  return { route: matched, notes: [`then it was route "${exchange.route}"; by the configuration here ${now}`] }
}

function matchOf({ url, method }: ExchangeDetail, routes: readonly Route[]): Route | undefined {
  const parts = /^(https?):\/\/([^/]*)(.*)$/.exec(url)
  const scheme = parts?.[1] === 'http' ? 'http' : 'https'
  const authority = parseAuthority(parts?.[2] ?? url, scheme === 'http' ? 80 : 443)
  if (authority === undefined) return undefined
  return createRouteTable(routes).find(scheme, authority.host, authority.port, method, parts?.[3] || '/')
}

export function exchangeText({ exchange, route, notes, attempts }: ExplainedExchange, paint: Paint): string {
  const { id, time, method, url, query, duration_ms, queued_ms } = exchange
  const took = `${formatMillis(duration_ms)}${queued_ms > 0 ? `, ${formatMillis(queued_ms)} of it at the cooldown gate` : ''}`
  const head = [
    paint('bold', `${method} ${url}${query ? '?…' : ''}`),
    `exchange ${id} at ${time}, route ${paint('bold', exchange.route)}, ${took}`,
    ...notes.map(note => `${paint('yellow', 'note')}: ${note}`),
  ]
  const rows = attempts.flatMap((attempt, index) => attemptRows(attempt, index === attempts.length - 1, paint))
  const result = [
    '',
    paint('bold', 'client got'),
    exchange.status === 0 ? 'nothing' : String(exchange.status),
    endOf(exchange),
  ]
  return `${head.join('\n')}\n\n${table([...rows, result])}\n${verdict(attempts, route, paint)}\n`
}

function attemptRows(attempt: Replayed, isLast: boolean, paint: Paint): string[][] {
  const { n, outcome, phase, why, reason, now, same } = attempt
  const what = phase === null ? outcome || 'no answer' : `${outcome} (${phase})`
  const said = [paint('dim', `${n}.`), what, doneOf(attempt, isLast), reason === '' ? why : `${why}: ${reason}`]
  if (same !== false || now === null) return [said]
  const act = now.act === 'repeat' ? 'repeat' : 'give back'
  return [said, ['', '', paint('yellow', `now: ${act}`), paint('yellow', `${now.why}: ${now.reason}`)]]
}

function doneOf({ act, wait_ms }: Replayed, isLast: boolean): string {
  if (act === 'none') return '-'
  if (act === 'give-back') return 'gave back'
  const wait = wait_ms < 1 ? 'at once' : `after ${formatMillis(wait_ms)}`
  return isLast
    ? `to be repeated; it ended ${wait === 'at once' ? wait : wait.replace('after', 'within')}`
    : `repeated ${wait}`
}

function endOf({ end, spend, attempts }: ExchangeDetail): string {
  const paid = spend === null ? '' : `; ${spend} was paid`
  switch (end) {
    case null:
      return `the upstream's own answer${paid}`
    case 'client-gone':
      return `the client had left${paid}`
    case 'replayed':
      return `the kept answer to an earlier request with its key${paid}`
    case 'shared':
      return `the answer to a request with its key that ran already${paid}`
    default:
      return `${attempts.length === 0 ? 'made by mulligan, nothing was sent' : 'it ended with'}: ${end}${paid}`
  }
}

function verdict(attempts: readonly Replayed[], route: string | null, paint: Paint): string {
  const other = attempts.filter(({ same }) => same === false).length
  const whose = route === null ? 'Without a route' : `Route ${route} of the configuration here`
  if (other > 0) return paint('yellow', `${whose} would decide ${other} of ${attempts.length} otherwise.`)
  const unknown = attempts.filter(({ same }) => same === null).length
  if (attempts.length === 0) return 'No attempt was made, so there is nothing to decide anew.'
  if (unknown === attempts.length)
    return 'What was decided turned on more than is recorded, so it cannot be decided anew.'
  const rest = unknown === 0 ? '' : `, as far as is recorded`
  return `${whose} would decide the same${rest}.`
}
