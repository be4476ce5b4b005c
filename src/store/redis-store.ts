import { randomBytes } from 'node:crypto'
import type { Redis, RedisOptions } from 'ioredis'
import type { StoreSettings } from '../config/config.js'
import type { Env } from '../config/default-config.js'
import { secretReader } from '../config/secret.js'
import { trustedRoots } from '../config/trusted-roots.js'
import { checkKeys } from './change.js'
import { KeyQueue } from './key-queue.js'
import { type Change, type Decide, type Store, StoreError } from './store.js'

export type RedisWorld = {
  readonly env: Env
  readonly caFile?: string | undefined
  /** Part of every key. */
  readonly name?: string
}

/** Replies as ioredis gives them by itself. */
type Options = Omit<RedisOptions, 'replyMapping'>

type RedisSettings = Extract<StoreSettings, { kind: 'redis' }>

/** A command, and the first connection, must be through within this: milliseconds. */
const PATIENCE = 2_000

/** How often a change is decided anew because another process was faster. */
const TRIES = 100

/** Every value begins with bytes of its own, so that a change is told without sending the value back. */
const STAMP = 12

/** Entries that one step of a scan asks for. */
const STEP = 100

/**
 * KEYS are those that were read, the first ARGV their stamps (empty: there is none). Then, for each write, the number of
 * its key, its value and its end ('' for ever); a delete has the end 'del'. Everything, or 0 and nothing.
 */
const CHANGE = `
for i, key in ipairs(KEYS) do
  if redis.call('GETRANGE', key, 0, ${STAMP - 1}) ~= ARGV[i] then return 0 end
end
for i = #KEYS + 1, #ARGV, 3 do
  local key = KEYS[tonumber(ARGV[i])]
  if ARGV[i + 2] == 'del' then redis.call('DEL', key)
  elseif ARGV[i + 2] == '' then redis.call('SET', key, ARGV[i + 1])
  else redis.call('SET', key, ARGV[i + 1], 'PXAT', ARGV[i + 2]) end
end
return 1`

/**
 * State that several machines share. Ends are kept by the server's clock, and what is evictable by its own rules
 * (`maxmemory-policy`, which must be `noeviction` or `volatile-ttl`). It reconnects by itself; meanwhile all fails at once.
 * @throws StoreError 'broken' when it lets nobody in, SecretError; a server that is not there yet may come later
 */
export async function redisStore(settings: RedisSettings, world: RedisWorld): Promise<Store> {
  const { Redis: Client } = await import('ioredis')
  const shared = new Shared(new Client(await optionsOf(settings, world)), settings, world.name)
  await shared.connect()
  return {
    kind: 'redis',
    get: key => shared.get(key),
    update: (keys, decide) => shared.update(keys, decide),
    whenWritten: then => then(),
    scan: prefix => shared.scan(prefix),
    close: () => shared.close(),
  }
}

async function optionsOf(settings: RedisSettings, { env, caFile }: RedisWorld): Promise<Options> {
  const { host, port, db, tls, username, password } = settings
  return {
    host,
    port,
    db,
    ...(username && { username: await secretReader(username, env)() }),
    ...(password && { password: await secretReader(password, env)() }),
    ...(tls && { tls: await trustOf(caFile) }),
    lazyConnect: true,
    connectTimeout: PATIENCE,
    commandTimeout: PATIENCE,
    keepAlive: 10_000,
    // What cannot be sent now must fail now, and nothing is sent twice: the caller decides.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2,
  }
}

async function trustOf(caFile: string | undefined): Promise<{ readonly ca?: string[] }> {
  const roots = await trustedRoots(caFile)
  return roots === undefined ? {} : { ca: [...roots] }
}

class Shared {
  readonly #redis: Redis
  readonly #where: string
  readonly #prefix: string
  /** A hot key would conflict with itself. */
  readonly #queue = new KeyQueue()
  #lastError: Error | undefined
  #closed = false

  constructor(redis: Redis, { tls, host, port, db, prefix }: RedisSettings, name = 'claims') {
    this.#redis = redis
    this.#where = `${tls ? 'rediss' : 'redis'}://${host.includes(':') ? `[${host}]` : host}:${port}/${db}`
    this.#prefix = `${prefix}${name}:`
    // Asked also where a connection ends while we close: that one must be the last.
    redis.options.retryStrategy = times => (this.#closed ? null : Math.min(50 * times, 1_000))
    redis.on('error', error => {
      this.#lastError = error
    })
    redis.defineCommand('mulliganChange', { lua: CHANGE })
  }

  async connect(): Promise<void> {
    try {
      await this.#redis.connect()
    } catch (error) {
      const failure = this.#failure(this.#lastError ?? error)
      if (failure.trouble !== 'broken') return
      await this.close()
      throw failure
    }
  }

  async get(key: string): Promise<Buffer | undefined> {
    const [record] = await this.#read([key])
    return record?.subarray(STAMP)
  }

  update<T>(keys: readonly string[], decide: Decide<T>): Promise<T> {
    return this.#queue.run(keys, async () => {
      for (let tries = 0; tries < TRIES; tries += 1) {
        const records = await this.#read(keys)
        const change = decide(records.map(record => record?.subarray(STAMP)))
        checkKeys(keys, change)
        if (await this.#write(keys, records, change)) return change.result
      }
      throw new StoreError('unreachable', `the store ${this.#where} was changed by others ${TRIES} times in a row`)
    })
  }

  async *scan(prefix: string): AsyncGenerator<readonly [string, Buffer]> {
    const match = `${(this.#prefix + prefix).replace(/[\\*?[\]]/g, '\\$&')}*`
    const found = new Set<string>()
    for (let cursor = '0'; ; ) {
      const [next, keys] = await this.#ask(this.#redis.scan(cursor, 'MATCH', match, 'COUNT', 500))
      for (const key of keys) found.add(key.slice(this.#prefix.length))
      cursor = next
      if (cursor === '0') break
    }
    const keys = [...found].sort()
    for (let at = 0; at < keys.length; at += STEP) {
      const step = keys.slice(at, at + STEP)
      const records = await this.#read(step)
      for (const [index, key] of step.entries()) {
        const record = records[index]
        if (record !== undefined) yield [key, record.subarray(STAMP)]
      }
    }
  }

  async close(): Promise<void> {
    await this.#queue.empty()
    this.#closed = true
    this.#redis.disconnect()
  }

  async #read(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    if (keys.length === 0) return []
    const records = await this.#ask(this.#redis.mgetBuffer(keys.map(key => this.#prefix + key)))
    return records.map(record => record ?? undefined)
  }

  async #write(
    keys: readonly string[],
    records: readonly (Buffer | undefined)[],
    { puts = [], deletes = [] }: Change<unknown>,
  ): Promise<boolean> {
    if (puts.length === 0 && deletes.length === 0) return true
    const args: (string | number | Buffer)[] = records.map(record => record?.subarray(0, STAMP) ?? '')
    for (const key of deletes) args.push(keys.indexOf(key) + 1, '', 'del')
    for (const { key, value, expiresAt } of puts) {
      const end = expiresAt === Number.POSITIVE_INFINITY ? '' : Math.max(1, Math.ceil(expiresAt))
      args.push(keys.indexOf(key) + 1, Buffer.concat([randomBytes(STAMP), value]), end)
    }
    const names = keys.map(key => this.#prefix + key)
    return (await this.#ask(this.#change(names, args))) === 1
  }

  /** `defineCommand` sends the script once, then its hash. */
  #change(names: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown> {
    const { mulliganChange } = this.#redis as unknown as Record<
      'mulliganChange',
      (...args: unknown[]) => Promise<unknown>
    >
    return mulliganChange.call(this.#redis, names.length, ...names, ...args)
  }

  async #ask<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked
    } catch (error) {
      throw this.#failure(error)
    }
  }

  #failure(error: unknown): StoreError {
    const message = error instanceof Error ? error.message : String(error)
    const options = { cause: error }
    if (/^OOM\b/.test(message)) return new StoreError('full', `the store ${this.#where} is out of memory`, options)
    if (/^(?:NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password|ERR invalid DB)/i.test(message))
      return new StoreError('broken', `the store ${this.#where} refuses us: ${message}`, options)
    if (/^(?:WRONGTYPE|MISCONF|ERR)\b/.test(message))
      return new StoreError('broken', `the store ${this.#where} failed: ${message}`, options)
    const why = this.#redis.status === 'ready' ? message : (this.#lastError?.message ?? message)
    return new StoreError('unreachable', `the store ${this.#where} cannot be reached: ${why}`, options)
  }
}
