import type { Socket } from 'node:net'
import { test } from 'tap'
import { rawExchange } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { answer, startUpstream } from '../support/upstream.js'
import { PASSED_ANSWERS } from './vectors/answers-passed.js'
import { ACCEPTED_REQUESTS } from './vectors/requests-accepted.js'
import { HOP_REQUESTS } from './vectors/requests-hops.js'

const LEGAL = [...ACCEPTED_REQUESTS, ...HOP_REQUESTS]
const SELF = /mulligan-[0-9a-f]{8}/g

test('FP-14: an odd but legal request reaches the upstream with its own bytes', async t => {
  let raw = ''
  const upstream = await startUpstream(() => answer(200, 'ok', 'Connection: close'), {
    onConnection: socket => socket.on('data', chunk => (raw += chunk.toString('latin1'))),
  })
  const daemon = await startTestDaemon()
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  for (const [id, name, sent, received] of LEGAL) {
    raw = ''
    const text = sent.replaceAll('UP', upstream.authority).replace(/(?<=\S)\r\n\r\n/, '\r\nConnection: close\r\n\r\n')
    const answered = await rawExchange(daemon.port, Buffer.from(text, 'latin1'))
    t.match(answered, /^HTTP\/1\.1 200 OK\r\n/, `${id} ${name} is answered`)
    t.equal(raw.replace(SELF, 'SELF'), received.replaceAll('UP', upstream.authority), `${id} ${name} is forwarded`)
  }
  t.equal(new Set(LEGAL.map(([id]) => id)).size, LEGAL.length, 'ids are unique')
})

test('FP-14: an answer reaches the client with its own bytes, framed for the client', async t => {
  let script = ''
  const upstream = await startUpstream((_, socket: Socket) => {
    socket.end(Buffer.from(script, 'latin1'))
  })
  const daemon = await startTestDaemon()
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  for (const [id, name, requestLine, sent, received] of PASSED_ANSWERS) {
    script = sent
    const request = `${requestLine.replace('UP', upstream.authority)}\r\nHost: UP\r\nConnection: close\r\n\r\n`
    const answered = await rawExchange(daemon.port, request)
    t.equal(answered.replace(SELF, 'SELF'), received, `${id} ${name}`)
  }
})
