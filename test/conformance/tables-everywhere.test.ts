import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { untilClosed } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { LEGAL, MALFORMED } from '../support/differential-peers.js'
import { openSecure, UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { shortDir } from '../support/short-dir.js'
import { answer, type Script, startUpstream, type TestUpstream, type UpstreamOptions } from '../support/upstream.js'
import { MALFORMED_ANSWERS } from './vectors/answers-malformed.js'
import { PASSED_ANSWERS } from './vectors/answers-passed.js'
import { MALFORMED_LATE } from './vectors/requests-framing.js'

/** Another way in for the rows of the wire tables, which their own tests send to a TCP listener in absolute-form. */
type Way = {
  readonly open: () => Promise<Socket>
  readonly upstream: TestUpstream
  /** A row's bytes as they are written here; `undefined` for a row about something that is not here. */
  readonly write: (text: string) => string | undefined
  /** What the upstream gets for it. */
  readonly got: (text: string) => string
  readonly logged: () => number
}

/** Longer than any answer takes here, in milliseconds. */
const SILENCE = 10_000
const SELF = /mulligan-[0-9a-f]{8}/g
const ROUTE = '  - name: up\n    retry: off\n    breaker: off\n    cooldown: off\n'

/** Its target and nobody but the target's host: then it can be said in origin-form, too. */
const SAYABLE = /^[^\r\n]*http:\/\/UP\//
const inOriginForm = (text: string, prefix: string): string | undefined =>
  SAYABLE.test(text) ? text.replace('http://UP/', `${prefix}/`) : undefined
/** In origin-form the `Host` decides: a row whose point is that it does not is about absolute-form. */
const hasOwnHost = (text: string): boolean => /^(?:[^\r\n]*\r\n)(?:[^\r\n]+\r\n)*?host:[ \t]*UP[ \t]*\r\n/i.test(text)

async function daemonAt(t: Test, yaml: string, listen?: string) {
  const daemon = await startTestDaemon(yaml, listen)
  t.teardown(() => daemon.close())
  return daemon
}

async function upstreamOf(t: Test, script: Script, options: UpstreamOptions): Promise<TestUpstream> {
  const upstream = await startUpstream(script, options)
  t.teardown(() => upstream.close())
  return upstream
}

type Setup = (t: Test, script: Script, options?: UpstreamOptions) => Promise<Way>

/** TLS on both sides, ended in the middle. @param absolute targets stay in absolute-form */
const inTls =
  (absolute: boolean): Setup =>
  async (t, script, options) => {
    const upstream = await upstreamOf(t, script, { ...options, tls: UPSTREAM_CERTIFICATE })
    const roots = join(shortDir(t), 'roots.pem')
    writeFileSync(roots, UPSTREAM_CERTIFICATE.cert)
    const yaml = `egress: { ca_file: ${roots} }\nroutes:\n${ROUTE}    match: { host: localhost }\n    tls: intercept\n`
    const daemon = await daemonAt(t, yaml)
    const ca = readFileSync(join(daemon.state, 'ca.pem'), 'utf8')
    const authority = `localhost:${upstream.port}`
    const secured = (text: string) => text.replace(/http(?=:\/\/UP)/gi, '$&s').replaceAll('UP', authority)
    return {
      upstream,
      open: () => openSecure(daemon.port, authority, { ca }),
      write: text => {
        const said = absolute || !hasOwnHost(text) ? text : inOriginForm(text, '')
        return said && secured(said)
      },
      got: secured,
      logged: () => daemon.exchanges().filter(({ mode }) => mode === 'intercept').length,
    }
  }

const onMount: Setup = async (t, script, options) => {
  const upstream = await upstreamOf(t, script, options ?? {})
  const yaml = `routes:\n${ROUTE}    match: { host: 127.0.0.1 }\n    mount: /up\n    upstream: ${upstream.url}\n`
  const daemon = await daemonAt(t, yaml)
  const named = (text: string) => text.replaceAll('UP', upstream.authority)
  return {
    upstream,
    open: async () => connect(daemon.port, '127.0.0.1'),
    write: text => {
      const said = hasOwnHost(text) ? inOriginForm(text, '/up') : undefined
      return said && named(said.replace(/(?<=\r\nhost:[ \t]*)UP(?=[ \t]*\r\n)/gi, 'localhost'))
    },
    got: named,
    logged: () => daemon.exchanges().filter(({ mode }) => mode === 'mount').length,
  }
}

const onUnixSocket: Setup = async (t, script, options) => {
  const upstream = await upstreamOf(t, script, options ?? {})
  const path = join(shortDir(t), 's')
  const daemon = await daemonAt(t, `routes:\n${ROUTE}    match: { host: 127.0.0.1 }\n`, `unix:${path}`)
  const named = (text: string) => text.replaceAll('UP', upstream.authority)
  return {
    upstream,
    open: async () => connect(path),
    write: named,
    got: named,
    logged: () => daemon.exchanges().filter(({ mode }) => mode === 'forward').length,
  }
}

/** How many rows of requests each way has at least: some are about absolute-form alone. */
const WAYS: readonly (readonly [string, Setup, least: number])[] = [
  ['inside TLS, in absolute-form', inTls(true), 389],
  ['inside TLS, in origin-form', inTls(false), 329],
  ['on a mount', onMount, 302],
  ['on a unix socket', onUnixSocket, 389],
]
const LEAST_ANSWERS = 142

const REFUSED = /application\/problem\+json[\s\S]*\r\nconnection: close\r\n(?![\s\S]*\[left open\]$)/i

/** All bytes until the proxy closes. */
const exchange = async ({ open }: Way, bytes: string): Promise<string> =>
  untilClosed(await open(), Buffer.from(bytes, 'latin1'), SILENCE)

const closing = (text: string): string => text.replace(/(?<=\S)\r\n\r\n/, '\r\nConnection: close\r\n\r\n')

for (const [name, setUp, least] of WAYS) {
  test(`F2, FP-14: ${name}, malformed requests are refused and legal ones pass byte for byte`, async t => {
    let raw = ''
    const way = await setUp(t, () => answer(200, 'ok', 'Connection: close'), {
      onConnection: socket => socket.on('data', chunk => (raw += chunk.toString('latin1'))),
    })
    let rows = 0
    for (const [id, title, sent, received] of LEGAL) {
      const bytes = way.write(closing(sent))
      if (bytes === undefined) continue
      rows++
      raw = ''
      t.match(await exchange(way, bytes), /^HTTP\/1\.1 200 OK\r\n/, `${id} ${title} is answered`)
      t.equal(raw.replace(SELF, 'SELF'), way.got(received), `${id} ${title} is forwarded`)
    }
    const passed = way.logged()
    t.equal(passed, rows, 'each was an exchange of this kind')
    raw = ''
    for (const row of [...MALFORMED].sort((a, b) => Number(isLate(a)) - Number(isLate(b)))) {
      const [id, title, sent, status = 400] = row
      const bytes = way.write(sent)
      if (bytes === undefined) continue
      rows++
      const received = await exchange(way, bytes)
      const fits = received.match(/HTTP\/1\.1 \d{3}/g)?.join() === `HTTP/1.1 ${status}` && REFUSED.test(received)
      t.equal(fits ? '' : received, '', `${id} ${title} is refused, with a problem document and a close`)
      if (!isLate(row)) t.equal(raw, '', `${id} ${title} reaches nobody`)
    }
    t.equal(way.upstream.seen.length, passed, 'nothing malformed is a request')
    t.ok(rows >= least, `${rows} rows`)
  })

  test(`F09, FP-14: ${name}, malformed answers are faults and odd ones pass byte for byte`, async t => {
    let script = ''
    const way = await setUp(t, (_, socket) => void socket.end(Buffer.from(script, 'latin1')))
    let rows = 0
    for (const [id, title, line, sent, received] of PASSED_ANSWERS) {
      const bytes = way.write(`${line}\r\nHost: UP\r\nConnection: close\r\n\r\n`)
      if (bytes === undefined) continue
      rows++
      script = sent
      t.equal((await exchange(way, bytes)).replace(SELF, 'SELF'), received, `${id} ${title}`)
    }
    for (const [id, title, text, { headBytes, method = 'GET' } = {}] of MALFORMED_ANSWERS) {
      const bytes = way.write(`${method} http://UP/ HTTP/1.1\r\nHost: UP\r\nConnection: close\r\n\r\n`)
      // What is long there is short for a daemon.
      if (bytes === undefined || headBytes !== undefined) continue
      rows++
      script = text
      const received = await exchange(way, bytes)
      // Where the head was fine the client has it; then the transfer must not end cleanly.
      if (/^$|^HTTP\/1\.1 2/.test(received)) t.notMatch(received, /\r\n0\r\n\r\n$|left open/, `${id} ${title} is cut`)
      else t.match(received, /^HTTP\/1\.1 502 [\s\S]*\r\nProxy-Status: mulligan; error=\w/, `${id} ${title}`)
    }
    t.ok(rows >= LEAST_ANSWERS, `${rows} rows`)
  })
}

const isLate = (row: (typeof MALFORMED)[number]): boolean => MALFORMED_LATE.includes(row)
