import type { ListenAddress } from '../config/config.js'
import { formatListenAddress } from '../config/listen-address.js'
import { type CommandInput, textOption, UsageError } from './command.js'
import { configOf } from './config-flags.js'

type Variables = readonly (readonly [name: string, value: string])[]

/** How each shell sets a variable. Values are quoted, whatever they hold. */
const SHELLS: Readonly<Record<string, (variables: Variables) => string>> = {
  sh: variables => lines(variables, (name, value) => `export ${name}='${value.replaceAll("'", "'\\''")}'`),
  fish: variables => lines(variables, (name, value) => `set -gx ${name} '${value.replaceAll(/['\\]/g, '\\$&')}'`),
  powershell: variables => lines(variables, (name, value) => `$env:${name} = '${value.replaceAll("'", "''")}'`),
  dotenv: variables => lines(variables, (name, value) => `${name}="${value.replaceAll(/["\\$]/g, '\\$&')}"`),
  json: variables => `${JSON.stringify(Object.fromEntries(variables), undefined, 2)}\n`,
}

const lines = (variables: Variables, line: (name: string, value: string) => string): string =>
  variables.map(([name, value]) => `${line(name, value)}\n`).join('')

/** `mulligan env`: what to export so that programs use the proxy. */
export async function run(input: CommandInput): Promise<number> {
  const shell = textOption(input, 'shell') ?? 'sh'
  const print = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
  if (print === undefined)
    throw new UsageError(`--shell ${shell} is not known; one of ${Object.keys(SHELLS).join(', ')}`)
  const { config } = await configOf(input)
  const address = config.listen.proxy.find(one => one.kind === 'tcp' && one.port !== 0)
  if (address === undefined || address.kind !== 'tcp') {
    input.io.stderr.write('mulligan: no listener has a port that is known beforehand; set listen.proxy to one\n')
    return 2
  }
  if (config.listen.auth !== undefined) {
    input.io.stderr.write('mulligan: listen.auth is set; put user:password@ into the URLs, they are not printed here\n')
  }
  input.io.stdout.write(print(variablesOf(address)))
  return 0
}

/** Both cases of each: curl reads only the lower one of http_proxy, others only the upper one. */
function variablesOf(address: Extract<ListenAddress, { kind: 'tcp' }>): Variables {
  const url = `http://${formatListenAddress({ ...address, host: reachable(address.host) })}`
  const values = [
    ['http_proxy', url],
    ['https_proxy', url],
    ['no_proxy', 'localhost,127.0.0.1,::1'],
  ] as const
  return values.flatMap(([name, value]) => [[name, value] as const, [name.toUpperCase(), value] as const])
}

/** "All addresses" is where a server listens, not where a client goes. */
const reachable = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host)
