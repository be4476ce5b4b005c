/**
 * What is exported, in OTLP's JSON mapping (opentelemetry-proto 1.x): ids in hexadecimal digits, 64-bit integers as
 * decimal text, enumerations as numbers, names in lowerCamelCase, fields at their default left out.
 */
export type Span = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly flags: number
  readonly name: string
  /** 2: server, 3: client. */
  readonly kind: 2 | 3
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly Attribute[]
  /** 2: error; nothing where there is nothing to say. */
  readonly status: { readonly code?: 2 }
}

export type Attribute = { readonly key: string; readonly value: Value }

type Value = { readonly stringValue: string } | { readonly intValue: string } | { readonly doubleValue: number }

export const text = (key: string, value: string): Attribute => ({ key, value: { stringValue: value } })
export const whole = (key: string, value: number): Attribute => ({ key, value: { intValue: String(value) } })
export const number = (key: string, value: number): Attribute => ({ key, value: { doubleValue: value } })

/** Who made the spans. */
export type Maker = { readonly service: string; readonly version: string; readonly instance: string }

/** The two ends of an `ExportTraceServiceRequest`; the spans go between them, with commas. */
export function envelope({ service, version, instance }: Maker): readonly [before: string, after: string] {
  const attributes = [
    text('service.name', service),
    text('service.version', version),
    text('service.instance.id', instance),
  ]
  const scope = { name: 'mulligan', version }
  const resource = JSON.stringify({ attributes })
  return [
    `{"resourceSpans":[{"resource":${resource},"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[`,
    ']}]}]}',
  ]
}
