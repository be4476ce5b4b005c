import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  type handleUnaryCall,
  Metadata,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerWritableStream,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { type Test, test } from 'tap'
import { apiRoute, interceptedScene, UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { answer } from '../support/upstream.js'

const bytes = (value: Buffer): Buffer => value
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Things/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
})

/** One method of each kind, messages as they are. */
const THINGS = {
  unary: method('Unary', false, false),
  down: method('Down', false, true),
  up: method('Up', true, false),
  both: method('Both', true, true),
}

type Answered = (error: ServiceError | null, value?: Buffer) => void
type Things = Client & {
  unary: (message: Buffer, metadata: Metadata, options: object, done: Answered) => ClientUnaryCall
  down: (message: Buffer) => ClientReadableStream<Buffer>
  up: (done: Answered) => ClientWritableStream<Buffer>
  both: () => ClientDuplexStream<Buffer, Buffer>
}

type Unary = handleUnaryCall<Buffer, Buffer>

/** A real gRPC server, the daemon in front of it, and a client that knows only the proxy and the local CA. */
async function grpcScene(t: Test, unary: Unary, ...settings: string[]) {
  const server = new Server()
  server.addService(THINGS, handlers(unary))
  const port = await new Promise<number>((resolve, reject) => {
    const pair = {
      private_key: Buffer.from(UPSTREAM_CERTIFICATE.key),
      cert_chain: Buffer.from(UPSTREAM_CERTIFICATE.cert),
    }
    server.bindAsync('localhost:0', ServerCredentials.createSsl(null, [pair]), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  t.teardown(() => server.forceShutdown())
  const scene = await interceptedScene(
    t,
    () => answer(200),
    () => apiRoute(port, ...settings),
  )
  process.env['grpc_proxy'] = `http://127.0.0.1:${scene.daemon.port}`
  const Things = makeGenericClientConstructor(THINGS, 'Things')
  const client = new Things('api.test:443', credentials.createSsl(Buffer.from(scene.ca()))) as unknown as Things
  t.teardown(() => client.close())
  const call = (text: string, options: object = {}) =>
    new Promise<string>((resolve, reject) =>
      client.unary(Buffer.from(text), new Metadata(), options, (error, value) =>
        error ? reject(error) : resolve(String(value)),
      ),
    )
  return { ...scene, client, call }
}

function handlers(unary: Unary): UntypedServiceImplementation {
  return {
    unary,
    down: (call: ServerWritableStream<Buffer, Buffer>) => {
      for (let i = 0; i < 5; i++) call.write(Buffer.from(`${call.request}${i}`))
      const trailers = new Metadata()
      trailers.set('x-count', '5')
      call.end(trailers)
    },
    up: (call: ServerReadableStream<Buffer, Buffer>, done: Answered) => {
      let all = ''
      call.on('data', (part: Buffer) => (all += String(part)))
      call.on('end', () => done(null, Buffer.from(all)))
    },
    both: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (part: Buffer) => call.write(Buffer.from(`echo ${part}`)))
      call.on('end', () => call.end())
    },
  } as unknown as UntypedServiceImplementation
}

const echo: Unary = (call, done) => done(null, Buffer.from(`got ${call.request}`))

test('F5: a unary gRPC call works through an intercepted route', async t => {
  const { call, daemon } = await grpcScene(t, echo)
  t.equal(await call('hello'), 'got hello')
  const [record] = await daemon.logged(1)
  t.match(record, { mode: 'intercept', method: 'POST', path: '/test.Things/Unary', status: 200 })
})

test('F5: server streaming arrives message by message, its status and fields in the trailers', async t => {
  const { client } = await grpcScene(t, echo)
  const stream = client.down(Buffer.from('m'))
  const seen: string[] = []
  stream.on('data', (part: Buffer) => seen.push(String(part)))
  const end = await new Promise<{ code: number; metadata: Metadata }>(resolve => stream.on('status', resolve))
  t.strictSame(seen, ['m0', 'm1', 'm2', 'm3', 'm4'])
  t.equal(end.code, status.OK)
  t.strictSame(end.metadata.get('x-count'), ['5'])
})

test('F5: client streaming and both ways at once work', async t => {
  const { client } = await grpcScene(t, echo)
  const joined = await new Promise<string>((resolve, reject) => {
    const up = client.up((error, value) => (error ? reject(error) : resolve(String(value))))
    for (const part of ['a', 'b', 'c']) up.write(Buffer.from(part))
    up.end()
  })
  t.equal(joined, 'abc')
  const both = client.both()
  const next = () => new Promise<string>(resolve => both.once('data', (part: Buffer) => resolve(String(part))))
  for (const word of ['one', 'two']) {
    const answered = next()
    both.write(Buffer.from(word))
    t.equal(await answered, `echo ${word}`, 'answered while the request goes on')
  }
  const ended = new Promise(resolve => both.on('status', resolve))
  both.end()
  t.match(await ended, { code: status.OK })
})

test('F5: a large message passes whole, both ways', async t => {
  const { client } = await grpcScene(t, (call, done) => done(null, call.request))
  const large = Buffer.alloc(3_000_000, 'x')
  const back = await new Promise<Buffer>((resolve, reject) =>
    client.unary(large, new Metadata(), {}, (error, value) => (error ? reject(error) : resolve(value as Buffer))),
  )
  t.ok(back.equals(large))
})

test('R1: a gRPC status other than OK is the answer, told in trailers, and never repeated', async t => {
  let calls = 0
  const { call, daemon } = await grpcScene(t, (_, done) => {
    calls++
    done({ code: status.UNAVAILABLE, details: 'not now' })
  })
  await t.rejects(call('x'), { code: status.UNAVAILABLE, details: 'not now' })
  t.equal(calls, 1, 'the call may have been applied')
  t.equal((await daemon.logged(1))[0]?.attempts.length, 1)
})

test('L9: a call that the client cancels, or whose deadline ends, is cancelled at the server', async t => {
  let started: () => void = () => undefined
  let cancelled: Promise<void> = Promise.resolve()
  const hang: Unary = call => {
    cancelled = new Promise(resolve => call.on('cancelled', () => resolve()))
    started()
  }
  const { client, call } = await grpcScene(t, hang)
  const begun = new Promise<void>(resolve => (started = resolve))
  const given = new Promise<ServiceError>(resolve => {
    const running = client.unary(Buffer.from('x'), new Metadata(), {}, error => resolve(error as ServiceError))
    begun.then(() => running.cancel())
  })
  t.equal((await given).code, status.CANCELLED)
  await cancelled
  const again = new Promise<void>(resolve => (started = resolve))
  const late = call('y', { deadline: Date.now() + 300 })
  await again
  await t.rejects(late, { code: status.DEADLINE_EXCEEDED })
  await cancelled
})
