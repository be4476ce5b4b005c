import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxyServer } from 'http-proxy'

/** The peer: http-proxy with kept-alive upstream connections. Its argument is the upstream; it says its port to its parent. */
const target = process.argv[2] ?? ''
const proxy = createProxyServer({ target, agent: new Agent({ keepAlive: true }) })
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response) response.writeHead(502)
  response.end()
})
const server = createServer({ keepAlive: true, noDelay: true }, (request, response) => proxy.web(request, response))
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit(0))
