import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { startChildDaemon } from '../support/child-daemon.js'
import { readAnswer } from '../support/client.js'
import { PATIENT } from '../support/mulligan.js'
import { answer, startUpstream } from '../support/upstream.js'

const CROWD = 800

/** What the kernel lets wait, whatever a program asks for. */
function mostWaiting(): number {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'latin1'))
  } catch {
    return 0
  }
}

const skip = mostWaiting() < CROWD && 'the kernel lets fewer connections wait here (net.core.somaxconn)'

t.test(
  'hundreds of clients that come while the daemon is busy are all connected, and all answered',
  { skip },
  async t => {
    const upstream = await startUpstream(() => answer(200, 'here'))
    const daemon = await startChildDaemon(t, `${PATIENT}routes: [{ name: all, match: { host: "*" } }]\n`)
    const sockets: Socket[] = []
    t.teardown(async () => {
      for (const socket of sockets) socket.destroy()
      await upstream.close()
    })
    // Nothing is accepted; without room to wait a client would hear nothing, and try again seconds later.
    process.kill(daemon.pid, 'SIGSTOP')
    t.teardown(() => process.kill(daemon.pid, 'SIGCONT'))
    for (let i = 0; i < CROWD; i++) sockets.push(connect(daemon.port, '127.0.0.1'))
    await Promise.all(sockets.map(socket => once(socket, 'connect')))
    const answers = sockets.map(socket => readAnswer(socket))
    for (const socket of sockets) socket.write(`GET ${upstream.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    process.kill(daemon.pid, 'SIGCONT')
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    t.equal(statuses.filter(status => status === 200).length, CROWD)
  },
)
