import { connect } from 'node:net'
import { type Answer, readAnswer } from './client.js'
import type { TestDaemon } from './daemon.js'

export type Sent = {
  readonly method?: string
  /** Of the one `Host`; none when empty. */
  readonly host?: string
  readonly fields?: readonly string[]
  readonly body?: string
}

/** A request in origin-form with exactly these fields. */
export async function send(
  port: number,
  path: string,
  { method = 'GET', host = `127.0.0.1:${port}`, fields = [], body }: Sent = {},
): Promise<Answer> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const answered = readAnswer(socket, method)
  const lines = [`${method} ${path} HTTP/1.1`, ...(host === '' ? [] : [`Host: ${host}`]), ...fields]
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`)
  const result = await answered
  socket.destroy()
  return result
}

/** Of a daemon that has an admin side. */
export function adminPort({ daemon: { admin } }: TestDaemon): number {
  if (admin?.kind !== 'tcp') throw new Error('the daemon has no admin port')
  return admin.port
}

/** The parsed body. */
export const jsonIn = (answer: Answer): Record<string, unknown> => JSON.parse(answer.text) as Record<string, unknown>
