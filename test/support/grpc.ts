import { once } from 'node:events'
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { Test } from 'tap'
import { type InterceptedScene, interceptedScene, UPSTREAM_CERTIFICATE } from './intercepted.js'

const asIs = (bytes: Buffer): Buffer => bytes

const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
})

/** A service without a schema: messages are bytes. */
export const ECHO = {
  unary: method('Unary', false, false),
  down: method('Down', false, true),
  up: method('Up', true, false),
  both: method('Both', true, true),
} satisfies ServiceDefinition

/** A real gRPC server with TLS. @returns its port */
export async function startGrpcServer(t: Test, handlers: UntypedServiceImplementation): Promise<number> {
  const server = new Server()
  server.addService(ECHO, handlers)
  const { key, cert } = UPSTREAM_CERTIFICATE
  const secure = ServerCredentials.createSsl(null, [{ private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }])
  t.teardown(() => server.forceShutdown())
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', secure, (error, port) => (error ? reject(error) : resolve(port)))
  })
}

type GrpcScene = InterceptedScene & { readonly client: Client }

/** A daemon in front of whatever listens on `port`, and a gRPC client that goes through it by `grpc_proxy`. */
export async function grpcScene(t: Test, port: number, routes: (port: number) => string): Promise<GrpcScene> {
  const scene = await interceptedScene(
    t,
    () => undefined,
    () => routes(port),
  )
  process.env['grpc_proxy'] = scene.daemon.url
  const client = new Client('api.test:443', credentials.createSsl(Buffer.from(scene.ca())))
  t.teardown(() => client.close())
  return { ...scene, client }
}

/** Everything that a call of a stream of answers gives. */
export async function collect(call: NodeJS.ReadableStream): Promise<string[]> {
  const messages: string[] = []
  call.on('data', (message: Buffer) => messages.push(message.toString()))
  await once(call, 'end')
  return messages
}
