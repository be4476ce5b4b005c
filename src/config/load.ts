import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Config } from './config.js'
import { checkCredentials } from './credential-checks.js'
import { crossCheck } from './cross-checks.js'
import type { Env } from './default-config.js'
import { type LoadedConfig, loadDefault } from './effective.js'
import { checkEgress } from './egress-checks.js'
import { errorAt, type Finding } from './findings.js'
import { checkIdempotency } from './idempotency-checks.js'
import { checkListen } from './listen-checks.js'
import { checkMixes } from './mix-checks.js'
import { flagFor, type Overrides, override, type ReadOverrides, readOverrides } from './overrides.js'
import { applyPresets } from './presets.js'
import { bareProblem, ConfigError, type ConfigProblem } from './problems.js'
import { fileSchema } from './schema.js'
import { checkStore } from './store-checks.js'
import { checkTelemetry } from './telemetry-checks.js'
import { toConfig } from './to-config.js'
import { sectionOf, validate } from './validate.js'
import { readYaml, type YamlSource } from './yaml-source.js'

/** A configuration is written by hand; a longer file is something else. */
const LONGEST_FILE = 4 * 1_048_576

/** A URL with a password in it, right or wrong, is not shown with its line, nor is a secret where its name belongs. */
const MAY_HOLD_A_SECRET =
  /^(?:egress\.proxy|store)(\.url)?$|^telemetry\.otlp\.(?:endpoint|headers)|\.env$|^(?:credentials|wallets)\..*url$/

/**
 * Reads and checks a configuration file; without one, the built-in default. Relative paths in it are relative to it.
 * @throws ConfigError with every problem at once, and nothing else.
 */
export function loadConfig(file: string | undefined, env: Env, overrides: Overrides = {}): LoadedConfig {
  if (file === undefined) return loadDefault(env, overrides)
  return parseConfig(resolve(file), readText(file), env, overrides)
}

/** Reads and checks the text of a configuration file. @throws ConfigError with every problem at once. */
export function parseConfig(file: string, text: string, env: Env, overrides: Overrides = {}): LoadedConfig {
  const source = readYaml(file, text)
  // A file with nothing in it (comments count as nothing) says: the defaults.
  const { data, findings: presetFindings } = applyPresets(source.data ?? {})
  const flags = readOverrides(overrides, process.cwd(), env)
  const { value, findings, spoilt } = validate(fileSchema, data)
  const config = value === undefined ? undefined : override(toConfig(value, dirname(file), env), flags)
  const isSound = ({ path }: Finding) => !spoilt.has(sectionOf(path))
  const found = [
    ...findings,
    ...presetFindings,
    ...(value === undefined ? [] : crossCheck(value, data).filter(isSound)),
    ...(config === undefined
      ? []
      : [
          ...checkListen(config.listen),
          ...checkEgress(config.egress),
          ...checkStore(config),
          ...checkTelemetry(config),
          ...checkCredentials(config),
          ...checkIdempotency(config),
          ...checkMixes(config),
          ...checkFiles(config),
        ].filter(isSound)),
  ]
  const problems = [
    ...flags.problems,
    ...found.map(finding => toProblem(finding, file, source, flags)),
    ...source.problems,
  ]
  problems.sort((a, b) => a.line - b.line || a.column - b.column)
  if (config === undefined || problems.some(({ severity }) => severity === 'error'))
    throw new ConfigError(problems, text)
  return { config, file, warnings: problems, source: text }
}

function toProblem(finding: Finding, file: string, source: YamlSource, flags: ReadOverrides): ConfigProblem {
  const { message, severity } = finding
  const path = finding.path.map(String).join('.')
  const masked = finding.masked || MAY_HOLD_A_SECRET.test(path)
  const flag = flagFor(path, flags)
  if (flag !== undefined) return { ...bareProblem(flag, message), severity }
  return { file, ...source.locate(finding.path, finding.at), path, message, severity, ...(masked ? { masked } : {}) }
}

function checkFiles(config: Config): Finding[] {
  const { ca_file } = config.egress
  if (ca_file === undefined) return []
  try {
    accessSync(ca_file, constants.R_OK)
    return []
  } catch {
    return [errorAt(['egress', 'ca_file'], `cannot read ${ca_file}`)]
  }
}

export function readText(file: string): string {
  const fail = (message: string): never => {
    throw new ConfigError([bareProblem(file, message)])
  }
  try {
    const stat = statSync(file)
    if (stat.isDirectory()) return fail('is a folder, not a file')
    if (stat.size > LONGEST_FILE) return fail('is longer than 4 MiB; this is not a configuration')
    return decode(readFileSync(file), fail)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    return fail(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`)
  }
}

/** UTF-8, a byte order mark dropped. */
function decode(bytes: Buffer, fail: (message: string) => never): string {
  if (bytes.includes(0)) return fail('holds binary data; a configuration is text in UTF-8')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return fail('is not UTF-8 text')
  }
}
