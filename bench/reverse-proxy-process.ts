import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What http-proxy and those that came after it have in common. */
type ReverseProxy = {
  readonly web: (request: IncomingMessage, response: ServerResponse) => unknown
  readonly on: (
    event: 'error',
    listener: (error: Error, request: IncomingMessage, to: ServerResponse | Socket) => void,
  ) => unknown
}
type Library = { readonly createProxyServer: (options: { target: string; agent: Agent }) => ReverseProxy }

/** A peer with kept-alive upstream connections. Its arguments: the module, the port to listen on, the upstream. */
const [module = '', port = '', target = ''] = process.argv.slice(2)
const loaded = (await import(module)) as Library & { readonly default?: Library }
const { createProxyServer } = 'createProxyServer' in loaded ? loaded : (loaded as { default: Library }).default
const proxy = createProxyServer({ target, agent: new Agent({ keepAlive: true }) })
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response) response.writeHead(502)
  response.end()
})
const server = createServer(
  { keepAlive: true, noDelay: true },
  (request, response) => void proxy.web(request, response),
)
server.listen(Number(port), '127.0.0.1')
