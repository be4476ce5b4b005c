import { once } from 'node:events'
import { Metadata, type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import { test } from 'tap'
import { ECHO, grpcScene, startGrpcServer } from '../support/grpc.js'
import { apiRoute } from '../support/intercepted.js'

test('L11: a gRPC conversation goes on message by message where keys of JSON bodies are looked for', async t => {
  const port = await startGrpcServer(t, {
    both: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (message: Buffer) => call.write(message))
      call.on('end', () => call.end())
    },
  })
  const { client } = await grpcScene(t, port, at => apiRoute(at, 'idempotency: { json: /key, replay: {} }'))
  const { path, requestSerialize, responseDeserialize } = ECHO.both
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, {
    deadline: Date.now() + 10_000,
  })
  call.write(Buffer.from('ping'))
  const [heard] = (await once(call, 'data')) as [Buffer]
  t.equal(heard.toString(), 'ping')
  call.end()
  const [end] = await once(call, 'status')
  t.match(end, { code: status.OK })
})

test('I7: no gRPC answer is replayed: what it means stands in its trailers', async t => {
  let calls = 0
  const port = await startGrpcServer(t, {
    unary: (_: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      calls++
      if (calls === 1) done({ code: status.RESOURCE_EXHAUSTED, details: 'slow down' })
      else done(null, Buffer.from(`call ${calls}`))
    },
  })
  const { client } = await grpcScene(t, port, at => apiRoute(at, 'idempotency: { replay: {} }'))
  const { path, requestSerialize, responseDeserialize } = ECHO.unary
  const metadata = new Metadata()
  metadata.set('idempotency-key', 'order-1-abcdefgh')
  const ask = () =>
    new Promise<string>(resolve => {
      const options = { deadline: Date.now() + 10_000 }
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        Buffer.from('x'),
        metadata,
        options,
        (error, got) => resolve(error ? error.details : String(got)),
      )
    })
  t.same([await ask(), await ask()], ['slow down', 'call 2'])
})
