import { request } from 'node:http'

/** A small client for machines without curl: METHOD URL SECONDS. It prints the body and, on a line behind it, the status. */
const [method = 'GET', url = '', patience = '10'] = process.argv.slice(2)
const target = new URL(url)
const proxy = process.env['http_proxy']
const via = proxy ? new URL(proxy) : target

const outgoing = request({
  host: via.hostname,
  port: via.port,
  method,
  // Absolute-form is what makes it a request to a proxy (RFC 9112 §3.2.2).
  path: proxy ? url : target.pathname,
  headers: { Host: target.host },
})
outgoing.on('response', response => {
  response.pipe(process.stdout, { end: false })
  response.on('end', () => finish(response.statusCode ?? 0, response.complete))
  response.on('error', () => finish(response.statusCode ?? 0, false))
})
outgoing.on('error', () => finish(0, false))
outgoing.end(method === 'POST' ? 'quantity=1' : undefined)
setTimeout(() => finish(0, false), Number(patience) * 1_000)

let finished = false
function finish(status: number, whole: boolean): void {
  if (finished) return
  finished = true
  process.stdout.write(`\n${status}`, () => process.exit(whole ? 0 : 1))
}
