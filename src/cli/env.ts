import { join } from 'node:path'
import { proxyEnvironment, type Variables } from '../child/proxy-environment.js'
import type { Config } from '../config/config.js'
import { interceptHosts } from '../config/interception.js'
import { clientAddress, listenUrl } from '../config/listen-address.js'
import { systemClock } from '../time/clock.js'
import type { TrustFiles } from '../trust/trust-files.js'
import { type CommandInput, textOption, UsageError } from './command.js'
import { configOf } from './config-flags.js'

/** How each shell sets a variable. Values are quoted, whatever they hold. */
const SHELLS: Readonly<Record<string, (variables: Variables) => string>> = {
  sh: variables => lines(variables, (name, value) => `export ${name}='${value.replaceAll("'", "'\\''")}'`),
  fish: variables => lines(variables, (name, value) => `set -gx ${name} '${value.replaceAll(/['\\]/g, '\\$&')}'`),
  powershell: variables => lines(variables, (name, value) => `$env:${name} = '${value.replaceAll("'", "''")}'`),
  dotenv: variables => lines(variables, (name, value) => `${name}="${value.replaceAll(/["\\$]/g, '\\$&')}"`),
  // For `--env-file`: all that stands behind the = is the value.
  docker: variables => lines(variables, (name, value) => `${name}=${value}`),
  json: variables => `${JSON.stringify(Object.fromEntries(variables), undefined, 2)}\n`,
}

const lines = (variables: Variables, line: (name: string, value: string) => string): string =>
  variables.map(([name, value]) => `${line(name, value)}\n`).join('')

/** `mulligan env`: what to export so that programs use the proxy of this configuration. */
export async function run(input: CommandInput): Promise<number> {
  const shell = textOption(input, 'shell') ?? 'sh'
  const print = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
  if (print === undefined)
    throw new UsageError(`--shell ${shell} is not known; one of ${Object.keys(SHELLS).join(', ')}`)
  const { config } = await configOf(input)
  const address = config.listen.proxy.find(one => one.kind === 'tcp' && one.port !== 0)
  if (address === undefined) {
    input.io.stderr.write('mulligan: no listener has a port that is known beforehand; set listen.proxy to one\n')
    return 2
  }
  const asksPassword = config.listen.auth !== undefined
  if (asksPassword) {
    input.io.stderr.write('mulligan: listen.auth is set; put user:password@ into the URLs, they are not printed here\n')
  }
  const isContainer = shell === 'docker'
  const variables = proxyEnvironment({
    proxyUrl: listenUrl(clientAddress(address)),
    asksPassword,
    trust: await trustOf(config, input.io.env),
    loopback: input.values['proxy-loopback'] === true,
    // What this machine's programs get says nothing about a container's.
    parent: isContainer ? {} : input.io.env,
  })
  // A container has not got our preload, and Node does not start without what it is told to load.
  input.io.stdout.write(print(isContainer ? variables.filter(([name]) => name !== 'NODE_OPTIONS') : variables))
  return 0
}

/** The files that the variables point to stay under the state directory; without interception there is nothing to trust. */
async function trustOf(config: Config, env: CommandInput['io']['env']): Promise<TrustFiles | undefined> {
  const hosts = interceptHosts(config)
  if (hosts?.length === 0) return undefined
  const { openCa } = await import('../certificate/local-ca.js')
  const { writeTrustFiles } = await import('../trust/trust-files.js')
  const { ca } = await openCa(config.state, hosts, systemClock)
  return writeTrustFiles(join(config.state, 'trust'), ca.pem, env)
}
