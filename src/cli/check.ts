import type { Config } from '../config/config.js'
import type { LoadedConfig } from '../config/effective.js'
import { interceptHosts } from '../config/interception.js'
import { formatListenAddress } from '../config/listen-address.js'
import { ConfigError, formatProblem } from '../config/problems.js'
import { describeMatch, describeUpstream } from '../config/route-words.js'
import { effectiveJson } from '../config/shown-config.js'
import { formatAuthority } from '../http/authority.js'
import { formatMillis } from '../time/units.js'
import { notesOf } from './check-notes.js'
import type { CommandInput } from './command.js'
import { configOf } from './config-flags.js'
import { policyRows } from './describe-route.js'
import { formatSize } from './format-size.js'
import { createPaint, type Paint, table } from './paint.js'

/** `mulligan check`: the effective configuration and what is doubtful about it. */
export async function run(input: CommandInput): Promise<number> {
  const { stdout, stderr, env } = input.io
  const asJson = input.values['json'] === true
  try {
    const loaded = await configOf(input)
    const notes = notesOf(loaded.config)
    stdout.write(asJson ? toJson(loaded, notes) : toText(loaded, createPaint(stdout, env)))
    if (asJson) return 0
    const paint = createPaint(stderr, env)
    for (const warning of loaded.warnings) stderr.write(`${formatProblem(warning, loaded.source)}\n`)
    for (const note of notes) stderr.write(`${paint('yellow', 'note')}: ${note}\n`)
    return 0
  } catch (error) {
    if (!asJson || !(error instanceof ConfigError)) throw error
    stdout.write(`${JSON.stringify({ valid: false, problems: error.problems }, undefined, 2)}\n`)
    return 2
  }
}

const toJson = ({ config, file, warnings }: LoadedConfig, notes: readonly string[]): string =>
  `${JSON.stringify({ valid: true, file: file ?? null, warnings, notes, config: effectiveJson(config) }, undefined, 2)}\n`

function describeInterception(config: Config): string {
  const hosts = interceptHosts(config)
  if (hosts?.length === 0) return config.intercept.mode === 'off' ? 'off' : 'no host: HTTPS passes untouched'
  return `${hosts === undefined ? 'any host' : hosts.join(', ')}; ${config.intercept.h2 ? 'h2 and http/1.1' : 'http/1.1'}`
}

function describeEgress({ proxy, no_proxy, unmatched, deny }: Config['egress']): string {
  const through = proxy === undefined || proxy === 'env' ? proxy : `${proxy.scheme}://${formatAuthority(proxy)}`
  const but = no_proxy.length === 0 ? '' : `, but not ${no_proxy.join(', ')}`
  const parts = [
    ...(through === undefined ? [] : [`through: ${through}${but}`]),
    `unmatched: ${unmatched}`,
    ...(deny.length === 0 ? [] : [`denied: ${deny.join(', ')}`]),
  ]
  return parts.join('; ')
}

function toText({ config, file }: LoadedConfig, paint: Paint): string {
  const { listen, log, limits, egress } = config
  const say = (name: string, value: string): [string, string] => [paint('cyan', name), value]
  const guard = listen.auth === undefined ? 'none' : 'Basic'
  const head = table([
    say('proxy', listen.proxy.map(formatListenAddress).join(', ')),
    say('admin', listen.admin === undefined ? 'off' : formatListenAddress(listen.admin)),
    say('mounts', listen.mounts === 'same' ? 'same as proxy' : formatListenAddress(listen.mounts)),
    say('auth', `${guard}${listen.allow_from.length === 0 ? '' : `; open to ${listen.allow_from.join(', ')}`}`),
    say('state', config.state),
    say('log', `${log.level}, ${log.format}`),
    say('intercept', describeInterception(config)),
    say('egress', describeEgress(egress)),
    say('drain', formatMillis(config.shutdown.drain)),
    say(
      'limits',
      `${limits.connections} connections, headers ${formatSize(limits.header_bytes)}, bodies ${formatSize(limits.body_memory_total)}, queue ${limits.queue}`,
    ),
  ])
  const title = file === undefined ? 'No configuration file: the built-in default.' : `${file} is valid.`
  const routes = config.routes.map((route, index) => {
    const target = route.upstream === undefined ? '' : ` → ${describeUpstream(route.upstream)}`
    const mount = route.mount === undefined ? '' : `, mounted at ${route.mount}`
    const title = `${index + 1}. ${paint('bold', route.name)}  ${describeMatch(route.match)}${target}${mount}`
    return `${title}\n${table(
      policyRows(route).map(([name, says]) => say(name, says)),
      '   ',
    )}`
  })
  return `${paint('bold', title)}\n\n${head}\n${paint('bold', 'Routes, first match wins')}\n\n${routes.join('\n')}`
}
