/**
 * Loaded into every Node process below `mulligan run` and after `mulligan env` (FP-27): `fetch`, `node:http` and
 * `node:https` obey the proxy variables. By itself Node does so only from 22.21 and 24.5 on, and not for an `Agent` that
 * the program made, as most SDKs do. CommonJS, because `--require` takes nothing else everywhere; it imports nothing of
 * ours and must cost next to nothing, so undici is loaded at the first `fetch`.
 */
const http = require('node:http') as typeof import('node:http')
const https = require('node:https') as typeof import('node:https')
const net = require('node:net') as typeof import('node:net')

type Socket = import('node:net').Socket
type OnSocket = (error: Error | null, socket?: Socket) => void
type ClientRequest = import('node:http').ClientRequest & {
  _header: string | null
  readonly outputData: readonly { data: unknown }[]
}
/** What an agent passes from step to step. */
type Options = import('node:tls').ConnectionOptions & { socketPath?: string | null; [VIA]?: Via }
/** The steps of an agent that its subclasses build on; only the types leave them out. */
type Agent = {
  readonly protocol: string
  readonly options: { readonly proxyEnv?: unknown }
  addRequest: (request: ClientRequest, options: Options, ...legacy: unknown[]) => void
  createConnection: (options: Options, onSocket?: OnSocket, ...legacy: unknown[]) => Socket | undefined
}
type Via = URL | 'direct'
type Target = { readonly host: string; readonly port: number }
type Scheme = 'http:' | 'https:'

/** Marks a plain request: the proxy that its first line is written for. */
const VIA = Symbol('mulligan.via')
const DISPATCHER = Symbol.for('undici.globalDispatcher.1')
const DEFAULT_PORT = { 'http:': 80, 'https:': 443 } as const

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const nodeObeys =
  process.env['NODE_USE_ENV_PROXY'] === '1' &&
  (major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21))

// Deno and Bun call themselves Node, and obey the variables.
if (process.versions['deno'] === undefined && process.versions['bun'] === undefined) {
  patchPlain(http.Agent.prototype as unknown as Agent)
  patchSecure(https.Agent.prototype as unknown as Agent)
  // undici 7 needs Node 20: before that, `fetch` stays as it is.
  if (!nodeObeys && major >= 20) offerDispatcher()
  if (nodeObeys && major === 22) hideNotice()
}

/**
 * For `fetch`; a `setGlobalDispatcher` of the program still wins. It stands in for a dispatcher that is made at its first
 * use: undici itself asks for the global one while it is being loaded.
 */
function offerDispatcher(): void {
  if (Object.getOwnPropertyDescriptor(globalThis, DISPATCHER) !== undefined) return
  let made: object | undefined
  const get = (_: object, name: string | symbol): unknown => {
    made ??= envDispatcher()
    const value: unknown = Reflect.get(made, name)
    return typeof value === 'function' ? value.bind(made) : value
  }
  Object.defineProperty(globalThis, DISPATCHER, { value: new Proxy({}, { get }), configurable: true, writable: true })
}

function envDispatcher(): object {
  const { Agent, buildConnector } = require('undici') as typeof import('undici')
  const straight = buildConnector({})
  return new Agent({
    connect: (options, onSocket) => {
      const scheme = options.protocol === 'https:' ? 'https:' : 'http:'
      const target = targetOf(scheme, { host: options.hostname, port: Number(options.port) })
      const via = proxyFor(scheme, target)
      if (via === undefined) return straight(options, onSocket)
      openTunnel(via, target, undefined, (error, socket) => {
        if (socket === undefined) return onSocket(error ?? new Error('no socket'), null)
        if (scheme === 'https:') return straight({ ...options, httpSocket: socket }, onSocket)
        onSocket(null, socket)
      })
    },
  })
}

/** Node 22 says at every start that it obeys the variables: what the program prints stays the program's. */
function hideNotice(): void {
  const { emit } = process
  process.emit = function (this: NodeJS.Process, name: string, ...values: unknown[]) {
    if (name === 'warning' && (values[0] as { code?: string }).code === 'UNDICI-EHPA') return false
    return Reflect.apply(emit, this, [name, ...values])
  } as typeof emit
}

/** Requests go to the proxy in absolute-form; where somebody else built the request, through a tunnel. */
function patchPlain(agent: Agent): void {
  const { addRequest, createConnection } = agent
  agent.createConnection = connectPlain
  agent.addRequest = function (this: Agent, request, options, ...legacy) {
    const ours = this.protocol === 'http:' && this.createConnection === connectPlain && isObject(options)
    addRequest.call(this, request, ours ? { ...options, [VIA]: readdress(this, request, options) } : options, ...legacy)
  }

  function connectPlain(this: Agent, options: Options, onSocket?: OnSocket, ...legacy: unknown[]): Socket | undefined {
    const marked = isObject(options) ? options[VIA] : 'direct'
    const via = marked ?? viaFor(this, 'http:', options)
    if (via === 'direct') return createConnection.call(this, options, onSocket, ...legacy)
    if (marked !== undefined) return net.connect({ ...options, path: undefined, ...addressOf(via) } as never)
    if (onSocket === undefined) return createConnection.call(this, options)
    openTunnel(via, targetOf('http:', options), options.timeout, onSocket)
    return undefined
  }
}

function patchSecure(agent: Agent): void {
  const { createConnection } = agent
  agent.createConnection = function (this: Agent, options, onSocket, ...legacy) {
    const via = isObject(options) ? viaFor(this, 'https:', options) : 'direct'
    if (via === 'direct' || typeof onSocket !== 'function') {
      return createConnection.call(this, options, onSocket, ...legacy)
    }
    openTunnel(via, targetOf('https:', options), options.timeout, (error, socket) =>
      onSocket(error, socket && createConnection.call(this, { ...options, socket })),
    )
    return undefined
  }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** Writes the first line of a plain request for the proxy, unless the request is for a proxy of the program's own. */
function readdress(agent: Agent, request: ClientRequest, options: Options): Via {
  const via = request.path.startsWith('/') ? viaFor(agent, 'http:', options) : 'direct'
  if (via === 'direct') return via
  request.path = `http://${authorityOf(targetOf('http:', options)).replace(/:80$/, '')}${request.path}`
  const credential = credentialOf(via)
  if (request._header === null) {
    if (credential !== undefined) request.setHeader('proxy-authorization', credential)
    return via
  }
  // Given as an array, or with Expect, the fields are bytes already, and those may stand in line to be sent.
  const first = `${request.method} ${request.path} HTTP/1.1\r\n`
  const field = credential === undefined ? '' : `Proxy-Authorization: ${credential}\r\n`
  const header = request._header
  request._header = first + field + header.slice(header.indexOf('\r\n') + 2)
  const [queued] = request.outputData
  if (typeof queued?.data === 'string') queued.data = queued.data.replace(header, () => request._header ?? '')
  return via
}

/** @param timeout milliseconds that the answer to CONNECT may take; for as long as it needs without it */
function openTunnel(via: URL, target: Target, timeout: number | undefined, onSocket: OnSocket): void {
  const path = authorityOf(target)
  const credential = credentialOf(via)
  const headers = { host: path, ...(credential === undefined ? {} : { 'proxy-authorization': credential }) }
  const refuse = (why: string) => Object.assign(new Error(`no tunnel to ${path}: ${why}`), { code: 'ERR_PROXY_TUNNEL' })
  const request = http.request({ ...addressOf(via), agent: false, method: 'CONNECT', path, headers })
  request.setTimeout(timeout ?? 0, () => request.destroy(refuse(`no answer within ${timeout} ms`)))
  request.on('error', onSocket)
  request.on('connect', ({ statusCode, statusMessage, headers }, socket) => {
    if (statusCode === 200) return onSocket(null, (socket as Socket).setTimeout(0))
    socket.destroy()
    onSocket(refuse(`the proxy answered ${statusCode} ${statusMessage}. ${headers['proxy-status'] ?? ''}`.trim()))
  })
  request.end()
}

function viaFor(agent: Agent, scheme: Scheme, options: Options): Via {
  // An agent with `proxyEnv` (Node >= 22.21) does this itself.
  const isOut = options.socketPath || options.socket || agent.options?.proxyEnv !== undefined
  return (isOut ? undefined : proxyFor(scheme, targetOf(scheme, options))) ?? 'direct'
}

/** The proxy that the variables name for a host; `undefined` when they name none. */
function proxyFor(scheme: Scheme, { host, port }: Target): URL | undefined {
  const via = proxyUrl(scheme)
  if (via === undefined || bypasses(host, port)) return undefined
  const itself = addressOf(via)
  return host === itself.host && port === itself.port ? undefined : via
}

/** The lower case wins, as in curl and undici; what is no URL of a plain HTTP proxy is none. */
function proxyUrl(scheme: Scheme): URL | undefined {
  const name = `${scheme.slice(0, -1)}_proxy`
  const text = process.env[name] || process.env[name.toUpperCase()]
  const url = text && URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === 'http:' ? url : undefined
}

/** NO_PROXY: `*`, names with all below them, addresses; each may end in a port. */
function bypasses(host: string, port: number): boolean {
  const entries = (process.env['no_proxy'] || process.env['NO_PROXY'] || '').toLowerCase().split(/[\s,]+/)
  return entries.some(entry => {
    if (entry === '' || entry === '*') return entry === '*'
    const [, before = entry, only] = /^(.*[^:]|\[.*\]):(\d+)$/.exec(entry) ?? []
    const isAddress = net.isIP(entry) !== 0
    if (!isAddress && only !== undefined && Number(only) !== port) return false
    const name = unbracketed(isAddress ? entry : before)
    const apex = name.replace(/^\*?\./, '')
    return (host === apex && !name.startsWith('*')) || (net.isIP(host) === 0 && host.endsWith(`.${apex}`))
  })
}

const unbracketed = (host: string): string => host.replace(/^\[(.*)\]$/, '$1')

const targetOf = (scheme: Scheme, { host, port }: Options): Target => ({
  host: unbracketed(host ?? 'localhost').toLowerCase(),
  port: Number(port || DEFAULT_PORT[scheme]),
})

const authorityOf = ({ host, port }: Target): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

const addressOf = (via: URL) => ({ host: unbracketed(via.hostname), port: Number(via.port || 80) })

function credentialOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(text).toString('base64')}`
}
