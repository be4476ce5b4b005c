import type { OtlpSettings } from '../config/config.js'
import { packageVersion } from '../config/package-root.js'
import { SecretError, secretReader } from '../config/secret.js'
import type { RecordSink } from '../exchange/record.js'
import type { Clock, Random } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import { openCollector, read } from './collector.js'
import { Exporter, type ExporterSettings } from './exporter.js'

/** Where exchanges go to become spans. */
export type Telemetry = {
  readonly record: RecordSink
  /** Sends what waits; what is not taken by then is dropped. @param within from now */
  readonly close: (within: Millis) => Promise<void>
  /** It was opened from the same settings. */
  readonly serves: (settings: OtlpSettings, ca: readonly string[] | undefined) => boolean
}

/** @property ca PEM texts to trust by @property instance another one for each process */
export type TelemetryGiven = Pick<ExporterSettings, 'onDropped' | 'onTrouble'> & {
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  readonly random: Random
  readonly instance: string
  readonly ca: readonly string[] | undefined
}

/** @throws SecretError */
export async function openTelemetry(settings: OtlpSettings, given: TelemetryGiven): Promise<Telemetry> {
  const { env, clock, random, ca, instance, onDropped, onTrouble } = given
  const { endpoint, service_name: service, sample } = settings
  const headers = new Map(Object.entries(settings.headers).map(([name, secret]) => [name, secretReader(secret, env)]))
  try {
    await read(headers)
  } catch (error) {
    if (error instanceof SecretError) throw error
    throw new SecretError(`telemetry.otlp.headers: ${(error as Error).message}`)
  }
  const maker = { service, version: packageVersion(), instance }
  const collector = openCollector({ endpoint, headers, ca }, clock)
  const exporter = new Exporter({ sample, maker, clock, random, onDropped, onTrouble }, collector)
  const same = JSON.stringify([settings, ca])
  return {
    record: exporter.add,
    close: within => exporter.close(within),
    serves: (others, theirs) => JSON.stringify([others, theirs]) === same,
  }
}
