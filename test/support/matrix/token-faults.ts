import type { Test } from 'tap'
import { answer, startUpstream, type TestUpstream } from '../upstream.js'
import { isGood } from './judge.js'
import { SHAPES } from './lanes.js'
import { say, wellPlayed } from './plays.js'
import type { Turn } from './scripted-origin.js'
import { routeOf } from './settings.js'
import { damaged, given, type Trial, valuesOf } from './trial.js'

/** What an endpoint answers in place of a token. Each is a credential and a route of its own. */
const BAD_ENDPOINTS: Readonly<Record<string, string>> = {
  refuses: answer(500, 'kanarie'),
  page: answer(200, '<html>kanarie</html>', 'Content-Type: text/html'),
  'past-expiry': answer(200, '{"access_token":"kanarie","token_type":"bearer","expires_in":-1}'),
  'endless-expiry': answer(200, '{"access_token":"kanarie","token_type":"bearer","expires_in":1e300}'),
  'worded-expiry': answer(200, '{"access_token":"kanarie","token_type":"bearer","expires_in":"soon"}'),
  'two-lines': answer(200, '{"access_token":"kanarie\\r\\nX: y","token_type":"bearer"}'),
  huge: answer(200, `{"access_token":"${'kanarie'.repeat(400_000)}","token_type":"bearer"}`),
  redirects: answer(302, '', 'Location: http://evil.test/kanarie'),
  'invalid-grant': answer(400, '{"error":"invalid_grant","error_description":"kanarie"}'),
  'hangs-up': '',
}

export type TokenEndpoint = TestUpstream & {
  /** Tokens that the API takes no more. */
  readonly dead: Set<string>
  readonly calls: (credential: string) => number
}

/** Gives a new token for each call; that of a bad one only once. */
export async function startTokenEndpoint(t: Test): Promise<TokenEndpoint> {
  const counts = new Map<string, number>()
  const endpoint = await startUpstream(({ path }, socket) => {
    const name = path.replace(/^\/token\//, '')
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    const bad = BAD_ENDPOINTS[name.replace(/-\d+$/, '')]
    if (count === 1 || bad === undefined) {
      const token = { access_token: `kanarie-${name}-${count}`, token_type: 'Bearer', expires_in: 3_600 }
      return answer(200, JSON.stringify(token))
    }
    if (bad === '') return void socket.destroy()
    return bad
  })
  t.teardown(() => endpoint.close())
  return { ...endpoint, dead: new Set(), calls: name => counts.get(name) ?? 0 }
}

/** Of bad endpoints there are as many of each kind as there are seeds, up to this. */
const OF_EACH = 10

const namesOf = (seeds: number): string[] => [
  'storm',
  ...Object.keys(BAD_ENDPOINTS).flatMap(name =>
    Array.from({ length: Math.min(seeds, OF_EACH) }, (_, n) => `${name}-${n}`),
  ),
]

/** @returns blocks of `credentials`, and of `routes` */
export function tokenSettings(endpoint: string, api: number, seeds: number): [string, string] {
  const credentials = namesOf(seeds).map(
    name =>
      `  ${name}: { source: { oauth2: { token_url: "${endpoint}/token/${name}", client_id: me, client_secret: kanarie-client-secret } }, min_interval: 1ms }\n`,
  )
  const routes = namesOf(seeds).map(name => routeOf(name, `http://127.0.0.1:${api}`, `credential: ${name}`))
  return [credentials.join(''), routes.join('')]
}

/** An API that takes a token until it is dead. */
const guarded =
  ({ dead }: TokenEndpoint, dice: Parameters<typeof wellPlayed>[1]) =>
  async (turn: Turn): Promise<void> => {
    const { arrival, body, socket } = turn
    if (!dead.has(arrival.header('authorization') ?? '')) return wellPlayed(turn, dice)
    if (!dice.once(3) && (await body()) === undefined) return
    await say(socket, 'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer\r\nContent-Length: 5\r\n\r\nfinal', dice)
  }

const [GET] = SHAPES

/** F18: one after the other, because there is one token. */
export const stormTrials = (endpoint: TokenEndpoint): Trial[] => [storm(endpoint)]

/** F19, once for each kind of bad endpoint. @param first the seed that endpoint number 0 is for */
export const endpointTrials = (endpoint: TokenEndpoint, first: number, seed: number): Trial[] =>
  seed - first < OF_EACH ? badEndpoints(endpoint, seed - first) : []

const storm = (endpoint: TokenEndpoint): Trial => ({
  fault: 'F18',
  name: 'a token that is dead, for twelve requests at once',
  run: async ({ dice, ask, way }) => {
    const play = guarded(endpoint, dice)
    const before = GET && (await ask(GET, 'storm', play))
    const token = valuesOf(before?.arrivals ?? [], 'authorization').at(-1) ?? ''
    const calls = endpoint.calls('storm')
    endpoint.dead.add(token)
    const all = await Promise.all([...SHAPES, ...SHAPES].map((shape, n) => ask(shape, 'storm', play, { way: way(n) })))
    const wrong = all.flatMap(asked => [
      ...damaged(asked),
      ...[isGood(asked.errand.id)(asked.got)].flatMap(words => words ?? []),
      ...(asked.arrivals.length > 2 ? [`${asked.arrivals.length} times asked`] : []),
    ])
    const renewed = endpoint.calls('storm') - calls
    return renewed === 1 ? wrong : [...wrong, `${renewed} renewals`]
  },
})

const badEndpoints = (endpoint: TokenEndpoint, n: number): Trial[] =>
  Object.keys(BAD_ENDPOINTS).map(kind => ({
    fault: 'F19',
    name: `a token endpoint that ${kind}`,
    run: async ({ dice, ask, way }) => {
      const name = `${kind}-${n}`
      const play = guarded(endpoint, dice)
      const before = GET && (await ask(GET, name, play))
      const token = valuesOf(before?.arrivals ?? [], 'authorization').at(-1) ?? ''
      endpoint.dead.add(token)
      const all = await Promise.all(SHAPES.map((shape, i) => ask(shape, name, play, { way: way(i) })))
      const wrong = all.flatMap(asked => [...damaged(asked), ...given(asked.got, 401)])
      // One call, and what the daemon repeats of it by itself.
      const calls = endpoint.calls(name) - 1
      if (calls < 1 || calls > 3) wrong.push(`${calls} calls of the endpoint`)
      endpoint.dead.delete(token)
      const after = GET && (await ask(GET, name, play))
      const words = after && isGood(after.errand.id)(after.got)
      return words === undefined ? wrong : [...wrong, `the old token is good again, and not used: ${after?.got.status}`]
    },
  }))
