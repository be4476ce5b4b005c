import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { Span } from '../../src/telemetry/otlp.js'

type Resource = { readonly attributes: readonly { readonly key: string; readonly value: object }[] }

type Export = {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly spans: readonly Span[]
  readonly resource: Readonly<Record<string, unknown>>
  /** What is wrong with it as an `ExportTraceServiceRequest` in JSON. */
  readonly wrong: readonly string[]
}

/** @property fields lines of an answer such as `Retry-After` */
type Reply = { readonly status?: number; readonly fields?: Record<string, string>; readonly body?: string }

export type TestCollector = {
  readonly port: number
  readonly url: string
  readonly exports: readonly Export[]
  /** Every span so far. */
  readonly spans: () => Span[]
  /** Resolves when there have been as many POSTs, or spans. */
  readonly posts: (count: number) => Promise<readonly Export[]>
  readonly received: (spans: number) => Promise<Span[]>
}

/** A collector on a port of its own. @param reply its answer to the n-th POST, from 1; `undefined`: none ever */
export async function startCollector(
  t: Test,
  reply: (n: number) => Reply | undefined | Promise<Reply | undefined> = () => ({}),
): Promise<TestCollector> {
  const exports: Export[] = []
  let wake: (() => void)[] = []
  const server = createServer(async (asked, response) => {
    const body = await text(asked)
    exports.push(readExport(asked.url ?? '', asked.headers, body))
    const n = exports.length
    for (const resume of wake.splice(0)) resume()
    const { status = 200, fields = {}, body: answer = '{"partialSuccess":{}}' } = (await reply(n)) ?? { status: 0 }
    if (status > 0) response.writeHead(status, { 'content-type': 'application/json', ...fields }).end(answer)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    wake = []
  })
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise<void>(resolve => wake.push(resolve))
  }
  const { port } = server.address() as AddressInfo
  const spans = () => exports.flatMap(each => each.spans)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    exports,
    spans,
    posts: async count => {
      await until(() => exports.length >= count)
      return exports
    },
    received: async count => {
      await until(() => spans().length >= count)
      return spans()
    },
  }
}

/** The attributes of a span by name, numbers as such. */
export function attributesOf({ attributes }: Resource | Span): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const [kind = '', said] = Object.entries(value)[0] ?? []
      return [key, kind === 'intValue' ? Number(said) : said]
    }),
  )
}

type Scope = { readonly scope: { readonly name: string }; readonly spans: readonly Span[] }

function readExport(path: string, headers: IncomingHttpHeaders, body: string): Export {
  const parsed = JSON.parse(body) as { resourceSpans: { resource: Resource; scopeSpans: Scope[] }[] }
  const spans = parsed.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(scope => scope.spans))
  const [first] = parsed.resourceSpans
  const resource = first === undefined ? {} : attributesOf(first.resource)
  return { path, headers, text: body, spans, resource, wrong: request(parsed, 'request') }
}

/** What is wrong with a value at its place. */
type Check = (value: unknown, place: string) => string[]

const check = (holds: (value: unknown) => boolean): Check => {
  return (value, place) => (holds(value) ? [] : [`${place} is ${JSON.stringify(value)}`])
}
const like = (form: RegExp) => check(value => typeof value === 'string' && form.test(value))
const listOf = (item: Check): Check => {
  return (value, place) =>
    Array.isArray(value) ? value.flatMap((each, i) => item(each, `${place}.${i}`)) : [`${place} is no list`]
}
const message = (fields: Record<string, Check>): Check => {
  return (value, place) => {
    if (typeof value !== 'object' || value === null) return [`${place} is no message`]
    return Object.entries(value).flatMap(
      ([name, item]) => fields[name]?.(item, `${place}.${name}`) ?? [`${place}.${name} is unknown`],
    )
  }
}

const string = check(value => typeof value === 'string')
const double = check(value => typeof value === 'number')
const uint32 = check(value => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32)
/** 64-bit integers are text, and ids are hexadecimal, unlike other bytes. */
const int64 = like(/^-?\d{1,19}$/)
const nanos = like(/^\d{19}$/)
const traceId = like(/^(?!0+$)[0-9a-f]{32}$/)
const spanId = like(/^(?!0+$)[0-9a-f]{16}$/)

/** The messages of opentelemetry-proto's `trace.proto`, as far as they are used here. */
const attributes = listOf(
  message({ key: string, value: message({ stringValue: string, intValue: int64, doubleValue: double }) }),
)
const span = message({
  ...{ traceId, spanId, parentSpanId: spanId, flags: uint32, name: string, kind: uint32 },
  ...{
    startTimeUnixNano: nanos,
    endTimeUnixNano: nanos,
    attributes,
    status: message({ code: uint32, message: string }),
  },
})
const scope = message({ name: string, version: string })
const request = message({
  resourceSpans: listOf(
    message({ resource: message({ attributes }), scopeSpans: listOf(message({ scope, spans: listOf(span) })) }),
  ),
})
