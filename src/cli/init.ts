import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { suggest } from '../config/did-you-mean.js'
import { parseConfig } from '../config/load.js'
import { packageRoot } from '../config/package-root.js'
import { presetNames, presetText } from '../config/presets.js'
import { type CommandInput, listOption, UsageError } from './command.js'

/** `mulligan init`: a configuration to start from. */
export async function run(input: CommandInput): Promise<number> {
  const { stdout, stderr, cwd, env } = input.io
  const name = input.positionals[0] ?? 'mulligan.yaml'
  const file = resolve(cwd, name)
  const presets = [...new Set(listOption(input, 'preset').flatMap(list => list.split(',')))]
    .map(one => one.trim())
    .filter(Boolean)
  const known = presetNames()
  for (const preset of presets) {
    if (!known.includes(preset)) throw new UsageError(`no preset is called "${preset}"${suggest(preset, known)}`)
  }
  if (existsSync(file) && input.values['force'] !== true) {
    stderr.write(`mulligan: ${name} is there already; --force replaces it\n`)
    return 2
  }
  const text = template(presets)
  parseConfig(file, text, env)
  writeFileSync(file, text)
  stdout.write(`Wrote ${name}. Next: mulligan check, then mulligan start\n`)
  return 0
}

function template(presets: readonly string[]): string {
  const schema = new URL('config/schema.json', packageRoot())
  return `# yaml-language-server: $schema=${schema.href}
# mulligan configuration. All keys: docs/config-reference.md of the package. What is commented out shows its default.
version: 1

# listen:
#   proxy: 127.0.0.1:8402               # or unix:/run/mulligan.sock
#   admin: 127.0.0.1:8403               # or off
# log: { level: info, format: auto }
# shutdown: { drain: 30s }

routes:                                 # first match wins
${presets.map(presetRoute).join('')}  - name: all
    match: { host: "*" }
    # timeout: { total: 60s, connect: 5s, idle: 60s }
    # retry:                            # or off
    #   attempts: 3
    #   statuses: [408, 425, 429, 500, 502, 503, 504]
    #   non_idempotent: never           # POST and PATCH that may have been applied: never | always
    #   backoff: { base: 250ms, cap: 8s }
    #   retry_after: { max: 60s, when_longer: return }
    # cooldown: { on: [429, 503], queue: 256 }      # or off
    # breaker: { failures: 5, open: 5s }            # or off
`
}

/** A preset whose file names no host gets one to be replaced. */
function presetRoute(name: string): string {
  const text = presetText(name)
  const about = text.split('\n').filter(line => line.startsWith('# ') && !line.includes('wins over'))
  const own = /^match: .*$/m.exec(text)?.[0]
  const upstream = /^upstream: (.*)$/m.exec(text)?.[1] ?? `https://${name}.example.com`
  const match = own ?? `match: { host: ${name}.example.com }         # put the host here`
  return `  - name: ${name}
    preset: ${name}
${about.map(line => `    ${line}\n`).join('')}    ${match}
    upstream: ${upstream}
    mount: /${name}                     # base URL: http://127.0.0.1:8402/${name}

`
}
