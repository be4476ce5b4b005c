import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { within } from './cell.js'
import { isGood } from './judge.js'
import { SHAPES, type Way } from './lanes.js'
import { wellPlayed } from './plays.js'
import type { MatrixScene } from './scene.js'
import type { Turn } from './scripted-origin.js'
import type { Trial } from './trial.js'

/** Ways that a client can leave on at any byte. */
const LEAVABLE: readonly Exclude<Way, 'TLS with HTTP/2'>[] = ['absolute-form', 'mount', 'TLS']
/** What a busy machine may add to the promised 50 ms. */
const SLACK = 1_000

/** When the client leaves: how much of its body it has sent, and what the origin has said. */
const LEAVES: Readonly<Record<string, { readonly sends: number; readonly says: string }>> = {
  'in its upload': { sends: 0.5, says: '' },
  'while the origin thinks': { sends: 1, says: '' },
  'in its download': { sends: 1, says: 'HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\nhalf' },
  'in a download in chunks': { sends: 1, says: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n' },
}

/** F30: clients that leave. @param told hears how long, in ms, the origin waited for the news */
export const leavingTrials = (scene: MatrixScene, told: (took: number) => void): Trial[] =>
  Object.entries(LEAVES).map(([name, { sends, says }]) => ({
    fault: 'F30',
    name: `a client that leaves ${name}`,
    run: async ({ dice, errand }) => {
      const shape = dice.pick(SHAPES.filter(({ framing }) => framing === 'length'))
      const way = dice.pick(LEAVABLE)
      const body = Buffer.alloc(20_000, 'u')
      const asked = { ...errand(shape, dice.pick(['plain', 'secure'])), way, body }
      let here = (_: Turn): void => undefined
      const arrived = new Promise<Turn>(resolve => (here = resolve))
      const arrivals = scene.origin.expect(asked.id, async turn => {
        if (sends === 1) await turn.body()
        else await turn.some(1)
        if (says !== '') turn.socket.write(says)
        here(turn)
        await ended(turn)
        turn.socket.destroy()
      })
      const { socket } = await scene.client.open(way)
      const bytes = says === '' ? undefined : once(socket, 'data')
      socket.write(scene.client.headOf(asked))
      socket.write(body.subarray(0, body.length * sends))
      const turn = await within(arrived, 5_000)
      if (turn === undefined) return ['the request did not arrive']
      await bytes
      const since = performance.now()
      const end = ended(turn)
      if (dice.once(2) && way !== 'TLS') socket.resetAndDestroy()
      else socket.destroy()
      if (
        (await within(
          end.then(() => true),
          5_000,
        )) === undefined
      )
        return ['the origin is not told']
      const took = performance.now() - since
      told(took)
      const record = await within(scene.daemon.exchange(asked.id), 5_000)
      const wrong = took < SLACK ? [] : [`told after ${Math.round(took)} ms`]
      if (record?.['end'] !== 'client-gone') wrong.push(`the log says ${String(record?.['end'])}`)
      return arrivals.length === 1 ? wrong : [...wrong, `asked ${arrivals.length} times`]
    },
  }))

const ended = async ({ socket }: Turn): Promise<void> => {
  if (socket.destroyed || socket.readableEnded) return
  await new Promise<void>(resolve => socket.once('end', resolve).once('close', () => resolve()))
}

/** F30: heads that never end, and a client that reads nothing. */
export const slowTrials = (scene: MatrixScene): Trial[] => [
  {
    fault: 'F30',
    name: 'thirty heads without end, and others are served',
    run: async ({ dice, ask, way }) => {
      const open = await Promise.all(
        Array.from({ length: 30 }, (_, n) => scene.client.open(LEAVABLE[n % 2] ?? 'mount')),
      )
      for (const { socket } of open) socket.write('GET http://api.example/plain/never HTTP/1.1\r\nHost: api.ex')
      const all = await Promise.all(
        SHAPES.map((shape, n) => ask(shape, 'plain', turn => wellPlayed(turn, dice), { way: way(n) })),
      )
      for (const { socket } of open) socket.destroy()
      return all.flatMap(({ got, errand }) => isGood(errand.id)(got) ?? [])
    },
  },
  {
    fault: 'F30',
    name: 'a client that reads nothing holds its origin back, and leaves',
    run: async ({ errand }) => {
      const asked = { ...errand(SHAPES[0] as (typeof SHAPES)[number], 'plain'), way: 'absolute-form' as const }
      let blocked = false
      let given = 0
      const done = new Promise<void>(resolve => {
        scene.origin.expect(asked.id, async turn => {
          turn.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n')
          const block = Buffer.alloc(1_048_576, 'd')
          while (!turn.socket.destroyed && given < 400) {
            given++
            if (turn.socket.write(block)) continue
            // So long without room that nobody is reading.
            blocked = (await within(once(turn.socket, 'drain'), 300)) === undefined
            if (blocked) break
          }
          resolve()
          await ended(turn)
        })
      })
      const { socket } = await scene.client.open('absolute-form')
      socket.pause()
      socket.write(scene.client.headOf(asked))
      await done
      socket.destroy()
      const record = await within(scene.daemon.exchange(asked.id), 5_000)
      const wrong = record?.['end'] === 'client-gone' ? [] : [`the log says ${String(record?.['end'])}`]
      return blocked ? wrong : [...wrong, `${given} MiB went to nobody`]
    },
  },
]

/** Configurations that are none. */
const BROKEN: Readonly<Record<string, (good: string) => string>> = {
  'wrong syntax': good => `${good}\n  - [`,
  'an unknown key': good => `${good}\nrouts: []\n`,
  'a file that is half written': good => `${good.slice(0, good.lastIndexOf('match:') + 9)}{`,
  'a secret that is missing': good => good.replace('env: WALLET_KEY', 'env: NO_SUCH_VARIABLE'),
  'a wallet that is missing': good => good.replace('wallet: agent', 'wallet: nobody'),
  'nothing of a route': good => `${good}\n  - {}\n`,
}

/** F29: one after the other, because there is one file. */
export const reloadTrials = (scene: MatrixScene): Trial[] =>
  Object.entries(BROKEN).map(([name, breakIt]) => ({
    fault: 'F29',
    name: `a reload with ${name}`,
    run: async ({ dice, ask, way }) => {
      const file = scene.home.env['MULLIGAN_CONFIG'] ?? ''
      const all = SHAPES.map((shape, n) => ask(shape, 'plain', turn => wellPlayed(turn, dice), { way: way(n) }))
      writeFileSync(file, breakIt(scene.yaml))
      const refused = scene.daemon.next('reload refused, the old configuration stays')
      scene.daemon.kill('SIGHUP')
      const record = await within(refused, 10_000)
      writeFileSync(file, scene.yaml)
      const after = SHAPES.map((shape, n) => ask(shape, 'plain', turn => wellPlayed(turn, dice), { way: way(n + 1) }))
      const wrong = (await Promise.all([...all, ...after])).flatMap(({ got, errand }) => isGood(errand.id)(got) ?? [])
      return record === undefined ? [...wrong, 'the reload was not refused'] : wrong
    },
  }))

/** F28: SIGTERM, with a request of each kind under way on each way. @returns what is wrong */
export async function drainTrial(scene: MatrixScene, { ask, dice }: Parameters<Trial['run']>[0]): Promise<string[]> {
  let release = (): void => undefined
  const released = new Promise<void>(resolve => (release = resolve))
  const ways: readonly Way[] = [...LEAVABLE, 'TLS with HTTP/2']
  let here = 0
  const kinds = ways.flatMap(way => SHAPES.map(shape => ({ way, shape })))
  let allHere = (): void => undefined
  const arrived = new Promise<void>(resolve => (allHere = resolve))
  const running = kinds.map(({ way, shape }) =>
    ask(
      shape,
      dice.pick(['plain', 'secure']),
      async turn => {
        await turn.body()
        if (++here === kinds.length) allHere()
        await released
        await wellPlayed(turn, dice)
      },
      { way, fresh: true },
    ),
  )
  if (
    (await within(
      arrived.then(() => true),
      10_000,
    )) === undefined
  )
    return [`${here} of ${kinds.length} arrived`]
  scene.daemon.kill('SIGTERM')
  await scene.daemon.next('draining')
  release()
  const wrong = (await Promise.all(running)).flatMap(({ got, errand }) => isGood(errand.id)(got) ?? [])
  await scene.client.close()
  const code = await within(scene.daemon.gone, 30_000)
  return code === 0 ? wrong : [...wrong, `it ended with ${code}`]
}
