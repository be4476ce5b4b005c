import type { Config } from '../config/config.js'
import { trustedRoots } from '../config/trusted-roots.js'
import type { RecordSink } from '../exchange/record.js'
import { type Millis, seconds } from '../time/units.js'
import type { Telemetry, TelemetryGiven } from './telemetry.js'

/** What spans have to get away in when another configuration, or none, takes over. */
const CLOSE = seconds(2)

/** The exporter of the configuration in force; its code is only loaded where there is one. */
export class CurrentTelemetry {
  readonly #given: Omit<TelemetryGiven, 'ca'>
  #telemetry: Telemetry | undefined

  constructor(given: Omit<TelemetryGiven, 'ca'>) {
    this.#given = given
  }

  /** `undefined` while no spans are wanted. */
  get record(): RecordSink | undefined {
    return this.#telemetry?.record
  }

  /** One of both is called, once. @throws SecretError, or what reading `egress.ca_file` gives */
  async prepare({ telemetry: { otlp }, egress }: Config): Promise<{ commit: () => void; discard: () => void }> {
    const next = otlp && (await this.#open(otlp, await trustedRoots(egress.ca_file)))
    const close = (telemetry: Telemetry | undefined) => void telemetry?.close(CLOSE).catch(() => undefined)
    return {
      commit: () => {
        if (next !== this.#telemetry) close(this.#telemetry)
        this.#telemetry = next
      },
      discard: () => {
        if (next !== this.#telemetry) close(next)
      },
    }
  }

  /** @param within at most 2 s of it are taken */
  async close(within: Millis): Promise<void> {
    await this.#telemetry?.close(within < CLOSE ? within : CLOSE)
  }

  async #open(settings: NonNullable<Config['telemetry']['otlp']>, ca: readonly string[] | undefined) {
    if (this.#telemetry?.serves(settings, ca)) return this.#telemetry
    const { openTelemetry } = await import('./telemetry.js')
    return openTelemetry(settings, { ...this.#given, ca })
  }
}
