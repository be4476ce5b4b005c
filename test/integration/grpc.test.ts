import { once } from 'node:events'
import { createSecureServer, constants as h2, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { type Test, test } from 'tap'
import { startTestDaemon } from '../support/daemon.js'
import { collect, ECHO, grpcScene, startGrpcServer } from '../support/grpc.js'
import { apiRoute, UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { freePort } from '../support/tunnel.js'

type Bytes = Buffer
const route = (port: number) => apiRoute(port)

/** One unary call. */
function unary(client: Client, message: string, metadata = new Metadata(), deadline = 10_000) {
  const { path, requestSerialize, responseDeserialize } = ECHO.unary
  return new Promise<{ error: ServiceError | null; text: string; trailers: Metadata; initial: Metadata }>(resolve => {
    let initial = new Metadata()
    let outcome: { error: ServiceError | null; text: string } | undefined
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      Buffer.from(message),
      metadata,
      { deadline: Date.now() + deadline },
      (error, answer) => (outcome = { error, text: answer?.toString() ?? '' }),
    )
    call.on('metadata', given => (initial = given))
    call.on('status', ({ metadata: trailers }) =>
      setImmediate(() => outcome && resolve({ ...outcome, trailers, initial })),
    )
  })
}

/** A scripted HTTP/2 server: what a broken or busy gRPC server does. @returns its port */
async function startBroken(t: Test, script: (stream: ServerHttp2Stream, number: number) => void): Promise<number> {
  const server = createSecureServer({ ...UPSTREAM_CERTIFICATE })
  let count = 0
  server.on('stream', stream => {
    stream.on('error', () => undefined)
    stream.resume()
    stream.once('end', () => script(stream, ++count))
  })
  server.on('session', session => t.teardown(() => session.destroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A whole answer: one message, status OK. */
function answerOk(stream: ServerHttp2Stream, text: string): void {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(text.length, 1)
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.concat([head, Buffer.from(text)]))
}

test('F5: a unary call: message, metadata and trailers pass both ways over HTTP/2', async t => {
  const port = await startGrpcServer(t, {
    unary: (call: ServerUnaryCall<Bytes, Bytes>, done: sendUnaryData<Bytes>) => {
      const trailers = new Metadata()
      trailers.set('x-sum', '7')
      trailers.set('x-raw-bin', Buffer.from([0, 255, 1]))
      call.sendMetadata(call.metadata)
      done(null, Buffer.from(`got ${call.request}`), trailers)
    },
  })
  const { client, daemon } = await grpcScene(t, port, route)
  const sent = new Metadata()
  sent.add('x-word', 'hello')
  sent.add('x-word', 'again')
  sent.set('x-raw-bin', Buffer.from([255, 0]))
  const got = await unary(client, 'a message', sent)
  t.equal(got.error, null)
  t.equal(got.text, 'got a message')
  t.same(got.initial.get('x-word').join(', '), 'hello, again')
  t.same(got.initial.get('x-raw-bin'), [Buffer.from([255, 0])])
  t.same(got.trailers.get('x-sum'), ['7'])
  t.same(got.trailers.get('x-raw-bin'), [Buffer.from([0, 255, 1])])
  t.match(await daemon.logged(1), [{ method: 'POST', path: '/test.Echo/Unary', status: 200, mode: 'intercept' }])
})

test('F5: a status with its text and its trailers reaches the client as it is', async t => {
  const port = await startGrpcServer(t, {
    unary: (call: ServerUnaryCall<Bytes, Bytes>, done: sendUnaryData<Bytes>) => {
      const metadata = new Metadata()
      metadata.set('x-why', 'because')
      done({ code: Number(call.request.toString()), details: 'wörds', metadata })
    },
  })
  const { client, daemon } = await grpcScene(t, port, route)
  for (const code of [status.INVALID_ARGUMENT, status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.UNAUTHENTICATED]) {
    const { error, trailers } = await unary(client, String(code))
    t.match(error, { code, details: 'wörds' })
    t.same(trailers.get('x-why'), ['because'])
  }
  const records = await daemon.logged(4)
  t.ok(
    records.every(({ attempts }) => attempts.length === 1),
    'gRPC statuses are no HTTP statuses: nothing is repeated',
  )
})

test('F5: a method that the server does not have is UNIMPLEMENTED', async t => {
  const { client } = await grpcScene(t, await startGrpcServer(t, {}), route)
  t.match((await unary(client, 'x')).error, { code: status.UNIMPLEMENTED })
})

test('F5: messages of a stream reach the client one by one, its trailers last', async t => {
  let next: () => void = () => undefined
  const port = await startGrpcServer(t, {
    down: async (call: ServerWritableStream<Bytes, Bytes>) => {
      for (const text of ['one', 'two', 'three']) {
        call.write(Buffer.from(text))
        await new Promise<void>(resolve => (next = resolve))
      }
      call.end()
    },
  })
  const { client } = await grpcScene(t, port, route)
  const { path, requestSerialize, responseDeserialize } = ECHO.down
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, Buffer.from('x'))
  const seen: string[] = []
  call.on('data', (message: Buffer) => {
    seen.push(message.toString())
    next()
  })
  const [end] = await once(call, 'status')
  t.match(end, { code: status.OK })
  t.same(seen, ['one', 'two', 'three'])
})

test('F5: a stream of requests is one answer', async t => {
  const port = await startGrpcServer(t, {
    up: async (call: ServerReadableStream<Bytes, Bytes>, done: sendUnaryData<Bytes>) => {
      done(null, Buffer.from((await collect(call)).join('+')))
    },
  })
  const { client } = await grpcScene(t, port, route)
  const { path, requestSerialize, responseDeserialize } = ECHO.up
  const answered = new Promise<string>((resolve, reject) => {
    const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error, answer) =>
      error ? reject(error) : resolve(String(answer)),
    )
    for (const text of ['a', 'b', 'c']) call.write(Buffer.from(text))
    call.end()
  })
  t.equal(await answered, 'a+b+c')
})

test('F5: both sides of a call talk at once', async t => {
  const port = await startGrpcServer(t, {
    both: (call: ServerDuplexStream<Bytes, Bytes>) => {
      call.on('data', (message: Buffer) => call.write(Buffer.from(`re: ${message}`)))
      call.on('end', () => call.end())
    },
  })
  const { client } = await grpcScene(t, port, route)
  const { path, requestSerialize, responseDeserialize } = ECHO.both
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  for (const text of ['a', 'b', 'c']) {
    call.write(Buffer.from(text))
    const [message] = (await once(call, 'data')) as [Buffer]
    t.equal(message.toString(), `re: ${text}`)
  }
  call.end()
  call.resume()
  const [end] = await once(call, 'status')
  t.match(end, { code: status.OK })
})

test('a hundred calls at once on one channel', async t => {
  const port = await startGrpcServer(t, {
    unary: (call: ServerUnaryCall<Bytes, Bytes>, done: sendUnaryData<Bytes>) => done(null, call.request),
  })
  const { client, daemon } = await grpcScene(t, port, route)
  const messages = Array.from({ length: 100 }, (_, i) => `${i}-`.repeat(10_000))
  const answers = await Promise.all(messages.map(message => unary(client, message)))
  t.ok(answers.every(({ text, error }, i) => error === null && text === messages[i]))
  t.equal(daemon.daemon.holds().clients, 1)
})

test('L9: a deadline that passes, and a call that is cancelled, reach the server', async t => {
  let cancelled: () => void = () => undefined
  let arrived = false
  const port = await startGrpcServer(t, {
    unary: (call: ServerUnaryCall<Bytes, Bytes>) => {
      arrived = true
      call.on('cancelled', () => cancelled())
    },
    down: (call: ServerWritableStream<Bytes, Bytes>) => {
      call.on('cancelled', () => cancelled())
      call.write(Buffer.from('first'))
    },
  })
  const { client, daemon } = await grpcScene(t, port, route)
  const late = new Promise<void>(resolve => (cancelled = resolve))
  // On a busy machine the first ones may be over before the server hears of them.
  for (let deadline = 300; !arrived; deadline *= 2) {
    t.match((await unary(client, 'x', undefined, deadline)).error, { code: status.DEADLINE_EXCEEDED })
  }
  await late
  const stopped = new Promise<void>(resolve => (cancelled = resolve))
  const { path, requestSerialize, responseDeserialize } = ECHO.down
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, Buffer.from('x'))
  call.on('error', () => undefined)
  await once(call, 'data')
  call.cancel()
  await stopped
  for (const { end } of await daemon.logged(2)) t.equal(end, 'client-gone')
})

test('R1: a call that was refused as not processed is repeated, by REFUSED_STREAM and by 503 with Retry-After', async t => {
  const refusals: [string, (stream: ServerHttp2Stream) => void][] = [
    ['REFUSED_STREAM', stream => stream.close(h2.NGHTTP2_REFUSED_STREAM)],
    ['503', stream => stream.respond({ ':status': 503, 'retry-after': '0' }, { endStream: true })],
  ]
  for (const [name, refuse] of refusals) {
    let asked = 0
    const port = await startBroken(t, (stream, number) => {
      asked = number
      if (number === 1) refuse(stream)
      else answerOk(stream, 'second')
    })
    const { client, daemon } = await grpcScene(t, port, route)
    t.match(await unary(client, 'x'), { error: null, text: 'second' }, name)
    t.equal(asked, 2, name)
    t.match(await daemon.logged(1), [{ attempts: { length: 2 } }], name)
  }
})

test('R1: a call that may have been applied is not repeated: the client hears UNAVAILABLE', async t => {
  const breaks: [string, (stream: ServerHttp2Stream) => void][] = [
    ['reset by the server', stream => stream.close(h2.NGHTTP2_INTERNAL_ERROR)],
    ['connection lost', stream => stream.session?.destroy()],
    ['503 without a hint', stream => stream.respond({ ':status': 503 }, { endStream: true })],
  ]
  for (const [name, fail] of breaks) {
    let asked = 0
    const port = await startBroken(t, (stream, number) => {
      asked = number
      fail(stream)
    })
    const { client } = await grpcScene(t, port, route)
    t.match((await unary(client, 'x')).error, { code: status.UNAVAILABLE }, name)
    t.equal(asked, 1, name)
  }
})

test('a server that does not listen is UNAVAILABLE', async t => {
  const { client } = await grpcScene(t, await freePort(), route)
  t.match((await unary(client, 'x')).error, { code: status.UNAVAILABLE })
})

test('L8: a stream of answers that breaks off is no clean end', async t => {
  let cut: () => void = () => undefined
  const port = await startBroken(t, stream => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
    stream.write(Buffer.from([0, 0, 0, 0, 1, 97]))
    cut = () => stream.session?.destroy()
  })
  const { client } = await grpcScene(t, port, route)
  const { path, requestSerialize, responseDeserialize } = ECHO.down
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, Buffer.from('x'))
  const seen: string[] = []
  call.on('data', (message: Buffer) => {
    seen.push(message.toString())
    cut()
  })
  call.on('error', () => undefined)
  const end = await new Promise(resolve => call.on('status', resolve))
  t.same(seen, ['a'])
  t.match(end, { code: status.INTERNAL })
})

test('FP-05: a channel without TLS passes through its tunnel untouched', async t => {
  const server = new Server()
  server.addService(ECHO, {
    unary: (call: ServerUnaryCall<Bytes, Bytes>, done: sendUnaryData<Bytes>) => done(null, call.request),
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, at) =>
      error ? reject(error) : resolve(at),
    )
  })
  t.teardown(() => server.forceShutdown())
  const daemon = await startTestDaemon(`routes: [{ name: local, match: { host: localhost }, retry: {} }]`)
  t.teardown(() => daemon.close())
  process.env['grpc_proxy'] = daemon.url
  const client = new Client(`localhost:${port}`, credentials.createInsecure())
  t.teardown(() => client.close())
  t.match(await unary(client, 'plain'), { error: null, text: 'plain' })
})
