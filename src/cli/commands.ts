import type { CommandSpec, OptionSpec } from './command.js'

/** Flags that pick and override a configuration. */
const CONFIG: Readonly<Record<string, OptionSpec>> = {
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    help: 'configuration; else $MULLIGAN_CONFIG, ./mulligan.yaml, …',
  },
  listen: { type: 'string', value: 'ADDR', help: 'where clients connect: 127.0.0.1:8402, unix:/path' },
  admin: { type: 'string', value: 'ADDR|off', help: 'where health, metrics and status are' },
  state: { type: 'string', value: 'DIR', help: 'where it keeps what it keeps' },
  'log-level': { type: 'string', value: 'LEVEL', help: 'trace, debug, info, warn, error, silent' },
  'log-format': { type: 'string', value: 'FORMAT', help: 'auto, json, pretty' },
}

function pick(...names: string[]): Record<string, OptionSpec> {
  return Object.fromEntries(Object.entries(CONFIG).filter(([name]) => names.includes(name)))
}

const START: CommandSpec = {
  name: 'start',
  summary: 'run the daemon in the foreground',
  usage: '[options]',
  more: 'SIGTERM ends it when running requests are done, SIGHUP reads the configuration again.',
  options: {
    ...CONFIG,
    'ready-fd': { type: 'string', value: 'N', help: 'write a line to this descriptor once it listens' },
  },
  words: { least: 0, most: 0 },
  load: () => import('./start.js'),
}

const RUN: CommandSpec = {
  name: 'run',
  summary: 'run a program whose requests go through a daemon of its own',
  usage: '[options] -- CMD [ARGS]',
  more: `Sets the proxy and CA variables that programs know, for CMD and what it starts, and ends with its exit code.
A program that knows none of them is not covered; no file outside is changed, and nothing stays behind but a log.`,
  options: {
    ...pick('config', 'state', 'log-level'),
    daemon: { type: 'string', value: 'URL', help: 'use this running daemon: http://127.0.0.1:8402' },
    ca: {
      type: 'string',
      value: 'FILE',
      help: 'its CA certificate, with --daemon; else ca.pem of the state directory',
    },
    'no-auth': { type: 'boolean', help: 'let every program of this machine use it: Java can send no password' },
    'proxy-loopback': { type: 'boolean', help: 'requests to localhost go through it as well' },
    verbose: { type: 'boolean', short: 'v', help: 'say on stderr where proxy and log are' },
  },
  words: { least: 1, most: Number.POSITIVE_INFINITY },
  wraps: true,
  load: () => import('./run.js'),
}

const CHECK: CommandSpec = {
  name: 'check',
  summary: 'validate a configuration, print the effective one, warn about unsafe mixes',
  usage: '[options]',
  more: 'Exit code 2 when there are errors; every one is printed with its line.',
  options: { ...CONFIG, json: { type: 'boolean', help: 'print JSON' } },
  words: { least: 0, most: 0 },
  load: () => import('./check.js'),
}

const EXPLAIN: CommandSpec = {
  name: 'explain',
  summary: 'which route takes a request, and what would happen to it, attempt by attempt',
  usage: 'METHOD URL|--exchange ID [options]',
  more: `Nothing is sent. Answers are statuses with fields, or faults: reset, refused, timeout, junk.

  mulligan explain POST https://api.example.com/v1/orders --answers 503:retry-after=2,reset,200

With --exchange: what the running daemon did with one of its latest 1,000 requests and why, and what the configuration
here would decide otherwise. Exit code 3 when no daemon answers.`,
  options: {
    ...pick('config', 'admin'),
    exchange: { type: 'string', value: 'ID', help: 'a request that was, by the id of its record in the log' },
    json: { type: 'boolean', help: 'print JSON, with --exchange' },
    header: {
      type: 'string',
      short: 'H',
      multiple: true,
      value: "'K: V'",
      help: 'a header of the request; may be repeated',
    },
    answers: { type: 'string', value: 'LIST', help: 'what the upstream does: 503,429:retry-after=2,200' },
  },
  words: { least: 0, most: 2 },
  load: () => import('./explain.js'),
}

const ENV: CommandSpec = {
  name: 'env',
  summary: 'print the variables that send programs through the proxy',
  usage: '[options]',
  more: 'eval "$(mulligan env)"',
  options: {
    ...CONFIG,
    shell: { type: 'string', value: 'SHELL', help: 'sh, fish, powershell, dotenv, docker or json' },
    'proxy-loopback': { type: 'boolean', help: 'requests to localhost go through it as well' },
  },
  words: { least: 0, most: 0 },
  load: () => import('./env.js'),
}

const CA: CommandSpec = {
  name: 'ca',
  summary: 'the certificate authority that clients of intercepted hosts must trust',
  usage: 'show|export FILE|rotate [options]',
  more: `show     what it is, what it may vouch for, and how to trust it
export   write the certificate, without its key, to FILE; - is stdout
rotate   make a new key and certificate for the hosts of the configuration; every client must trust it anew`,
  options: {
    ...CONFIG,
    json: { type: 'boolean', help: 'print JSON' },
  },
  words: { least: 1, most: 2 },
  load: () => import('./ca.js'),
}

const LOGIN: CommandSpec = {
  name: 'login',
  summary: 'log in for a credential of grant device_code',
  usage: 'NAME [options]',
  more: 'Says where to go and waits until that is done. A running daemon goes on with the session by itself.',
  options: pick('config', 'state'),
  words: { least: 1, most: 1 },
  load: () => import('./login.js'),
}

const STATUS: CommandSpec = {
  name: 'status',
  summary: 'what the running daemon is doing',
  usage: '[options]',
  more: 'Asks the admin side that the configuration names; exit code 3 when no daemon answers there.',
  options: { ...pick('config', 'admin'), json: { type: 'boolean', help: 'print JSON' } },
  words: { least: 0, most: 0 },
  load: () => import('./status.js'),
}

const IDEM: CommandSpec = {
  name: 'idem',
  summary: 'the idempotency keys that are kept, and what became of them',
  usage: 'list|show KEY|resolve KEY [options]',
  more: `list     every key, by its ref; --uncertain: those that wait for a decision
show     all that is known of one
resolve  say what the upstream did with an uncertain one: its repeats are then answered, or the key is free
KEY is the ref of the list, or the key itself. With store: memory the running daemon is asked, and knows refs alone. Exit code 3 when Redis or a daemon that is needed does not answer.`,
  options: {
    ...pick('config', 'admin', 'state'),
    uncertain: { type: 'boolean', help: 'only keys whose request may have been done' },
    executed: { type: 'boolean', help: 'it was done' },
    'not-executed': { type: 'boolean', help: 'it was not done' },
    json: { type: 'boolean', help: 'print JSON' },
  },
  words: { least: 1, most: 2 },
  load: () => import('./idem.js'),
}

const LEDGER: CommandSpec = {
  name: 'ledger',
  summary: 'what was paid, by whom and for what, and what became of it',
  usage: '[reconcile] [options]',
  more: `Every payment since it was reserved, sums by route and wallet, and what was paid for nothing. A daemon that runs is
asked, which knows its limits besides; else the store is read, which store: memory is not for.
reconcile  ask the chain, at the wallet's rpc_url, about all that is not confirmed: afterwards ledger and chain are equal
Exit code 3 when Redis, the node or a daemon that is needed does not answer.`,
  options: {
    ...pick('config', 'admin', 'state'),
    since: { type: 'string', value: 'TIME', help: 'not what is older: 24h, 7d, 2026-01-31' },
    wallet: { type: 'string', value: 'NAME', help: 'only of this wallet' },
    route: { type: 'string', value: 'NAME', help: 'only of this route' },
    json: { type: 'boolean', help: 'print JSON, amounts in atomic units' },
    csv: { type: 'boolean', help: 'print CSV' },
  },
  words: { least: 0, most: 1 },
  load: () => import('./ledger.js'),
}

const INIT: CommandSpec = {
  name: 'init',
  summary: 'write a commented mulligan.yaml',
  usage: '[FILE] [options]',
  options: {
    preset: { type: 'string', multiple: true, value: 'NAMES', help: 'routes for known APIs: openai,stripe,…' },
    force: { type: 'boolean', help: 'replace a file that is there' },
  },
  words: { least: 0, most: 1 },
  load: () => import('./init.js'),
}

const DEMO: CommandSpec = {
  name: 'demo',
  summary: 'a misbehaving local API, with and without mulligan',
  usage: '[options]',
  more: 'Exit code 0 only if every promise held. Nothing outside this machine is contacted.',
  options: {
    client: { type: 'string', value: 'NAME', help: 'curl or node; curl where there is one' },
    json: { type: 'boolean', help: 'print JSON' },
  },
  words: { least: 0, most: 0 },
  load: () => import('./demo.js'),
}

const BENCH: CommandSpec = {
  name: 'bench',
  summary: 'load and fault benchmark against a local upstream',
  usage: '[soak] [options]',
  more: `Loopback only. Without nginx, mitmproxy or /proc, the figures that need it are left out, and it says so.
soak  a daemon under everything at once, with an upstream and clients that misbehave: exit code 1 when it breaks a promise,
      or does not end as small as it began`,
  options: {
    tls: { type: 'boolean', help: 'what TLS interception costs, next to mitmproxy' },
    keys: { type: 'boolean', help: 'what idempotency keys cost, next to routes without' },
    seconds: { type: 'string', value: 'N', help: 'length of one measurement, 0.2 to 60; 2; of a soak: 60' },
    rounds: { type: 'string', value: 'N', help: 'measurements of each cell, 1 to 50; 3; the median counts' },
    connections: {
      type: 'string',
      value: 'N',
      help: 'kept-alive connections of the load, 1 to 1000; 64; of a soak: 1000',
    },
    tunnels: { type: 'string', value: 'N', help: 'CONNECT tunnels of a soak, most of them idle; 10000' },
    seed: { type: 'string', value: 'N', help: 'what the requests and the trouble of a soak are drawn from; 18' },
    spoil: {
      type: 'string',
      multiple: true,
      value: 'WHAT',
      help: 'break a promise of a soak, to see that it is noticed: effect, answer, cut, secret, socket',
    },
    check: { type: 'boolean', help: 'exit code 1 when a target is missed' },
    json: { type: 'boolean', help: 'print JSON' },
  },
  words: { least: 0, most: 1 },
  load: () => import('./bench.js'),
}

const CONFORMANCE: CommandSpec = {
  name: 'conformance',
  summary: 'whether an API keeps what idempotency keys promise',
  usage: 'idempotency --kit FILE|--self [options]',
  more: `Sends real requests: a target that the kit does not mark as a sandbox is refused.
Exit codes: 0 nothing failed, 1 something did, 2 usage or kit, 3 no target, 4 a required phase says nothing.`,
  options: {
    kit: { type: 'string', value: 'FILE', help: 'what to check, and how to ask it' },
    self: { type: 'boolean', help: 'check our own replay cache, before an API of its own' },
    format: { type: 'string', value: 'FORMAT', help: 'table, json or junit' },
    phase: { type: 'string', value: 'NAMES', help: 'only these phases: replay_equal,in_flight' },
    require: { type: 'string', value: 'NAMES', help: 'phases that must pass; exit code 4 when one says nothing' },
    trip: {
      type: 'string',
      value: 'HOW',
      help: 'sequential[=200] or concurrent=8[/200] requests to meet the rate limit',
    },
    proxy: { type: 'string', value: 'URL', help: 'ask through this proxy; the environment is not looked at' },
    timeout: { type: 'string', value: 'TIME', help: 'of one request; 30s' },
    'allow-live-side-effects': { type: 'boolean', help: 'take a target that is not marked as a sandbox' },
  },
  words: { least: 1, most: 1 },
  load: () => import('./conformance.js'),
}

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  START,
  RUN,
  CHECK,
  EXPLAIN,
  ENV,
  CA,
  LOGIN,
  STATUS,
  IDEM,
  LEDGER,
  INIT,
  DEMO,
  BENCH,
  CONFORMANCE,
]
