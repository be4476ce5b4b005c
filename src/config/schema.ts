import { z } from 'zod'
import { credential } from './credentials-schema.js'
import { egress } from './egress-schema.js'
import { cidr, listenAddress, listenAddresses } from './network.js'
import { route } from './routes-schema.js'
import {
  choice,
  choiceOrOff,
  duration,
  integer,
  key,
  kinds,
  list,
  lowerHeaderName,
  name,
  offable,
  size,
  words,
  yesNo,
} from './scalars.js'
import { secret } from './secrets-schema.js'
import { store } from './store-schema.js'
import { telemetry } from './telemetry-schema.js'
import { wallet } from './wallets-schema.js'

const auth = z.strictObject({
  username: key('User name.', secret()),
  password: key('Password.', secret()),
})

const listen = z.strictObject({
  proxy: key('Where clients connect.', listenAddresses().prefault('127.0.0.1:8402')),
  admin: key('Health, metrics, status; or `off`.', offable(listenAddress()).prefault('127.0.0.1:8403')),
  mounts: key(
    'Where mounts are served: the `same` port as the proxy, or an address of their own.',
    z
      .union([z.enum(['same']), listenAddress()])
      .register(kinds, { expects: 'same, or an address such as 127.0.0.1:8404', type: 'same | address' })
      .prefault('same'),
  ),
  auth: key(
    'Proxy-Authorization that clients must send; needed where other machines can connect.',
    offable(auth),
  ).optional(),
  allow_from: key('Client networks that need no `auth`.', list(cidr(), 0).default([])),
  fast_lane: key(
    'Requests of the plain form are read by a strict parser of our own, and only the others by that of Node.',
    yesNo().default(true),
  ),
})

const log = z.strictObject({
  level: key(
    'Least level that is written.',
    choice('trace', 'debug', 'info', 'warn', 'error', 'silent').default('info'),
  ),
  format: key('`auto` is pretty on a terminal and JSON elsewhere.', choice('auto', 'json', 'pretty').default('auto')),
  redact: key('Further headers whose values are never written.', list(lowerHeaderName(), 0).default([])),
})

const intercept = z
  .union([
    z.strictObject({
      mode: key(
        '`routes`: end TLS for hosts whose route has policies; `off`: pass every tunnel through.',
        choiceOrOff('routes').default('routes'),
      ),
      h2: key('Offer HTTP/2 inside.', yesNo().default(true)),
    }),
    z.enum(['off']),
    z.literal(false),
  ])
  .transform(value => (typeof value === 'object' ? value : { mode: 'off' as const, h2: true }))
  .register(kinds, { expects: 'a block of settings, or off', type: 'block | off' })

const limits = z.strictObject({
  connections: key(
    'Client connections at once; never more than half of the files that the process may open.',
    integer(1, 1_000_000).default(10_000),
  ),
  header_bytes: key('Longest header section, both ways.', size('1KiB', '1MiB').prefault('64KiB')),
  body_memory_total: key('All bodies kept in memory, together.', size('1MiB', '64GiB').prefault('64MiB')),
  queue: key(
    'Requests that may wait at one cooldown gate, where the route says nothing else.',
    integer(1, 100_000).default(256),
  ),
  memory: key(
    'What the process may have, by its resident set: from 92 % on connections close after their answer, from 95 % on requests are turned away with 503 and `Retry-After`. What the container or the machine has, when left out.',
    size('64MiB', '1024GiB').optional(),
  ),
  event_loop_lag: key(
    'Requests are turned away with 503 and `Retry-After`, as many as needed, while the event loop is later than this.',
    duration('50ms', '1m').prefault('1s'),
  ),
})

/** The built-in route: everything, with the defaults of every policy. */
const EVERYTHING = [{ name: 'all', match: { host: '*' } }]

/** The whole file. Every key has a default but what a route, credential or wallet must say about itself. */
export const fileSchema = z
  .strictObject({
    version: key('Version of this format.', z.literal(1).default(1)),
    listen: key('Where it can be reached.', listen.prefault({})),
    state: key(
      'Directory of what it keeps, 0700; `$XDG_STATE_HOME/mulligan` or ~/.local/state/mulligan when left out.',
      words('a path', 'path'),
    ).optional(),
    store: key(
      'Where state lives: `embedded` (on disk, below `state`), `memory` (gone with the process), or a Redis that several machines share.',
      store.prefault('embedded'),
    ),
    workers: key(
      'Processes that serve one port and share one store; another number needs a restart.',
      integer(1, 64).default(1),
    ),
    log: key('What it writes.', log.prefault({})),
    intercept: key('HTTPS.', intercept.prefault({})),
    egress: key('What it may reach, and how.', egress.prefault({})),
    shutdown: key(
      'How it ends.',
      z
        .strictObject({ drain: key('Time that running requests have.', duration('0s', '1h').prefault('30s')) })
        .prefault({}),
    ),
    limits: key('Caps.', limits.prefault({})),
    telemetry: key('What it tells others about requests.', telemetry.prefault({})),
    credentials: key('What is added to requests, by name.', z.record(name(), credential).default({})),
    wallets: key('What pays, by name.', z.record(name(), wallet).default({})),
    routes: key(
      'First match wins; one route for everything when left out.',
      list(route, 0, 10_000).prefault(EVERYTHING),
    ),
  })
  .meta({ title: 'mulligan configuration' })

/** The file with defaults filled in, before paths are made absolute. */
export type ConfigFile = z.output<typeof fileSchema>
export type RouteFile = ConfigFile['routes'][number]
