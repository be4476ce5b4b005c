import type { Put, Store } from '../../src/store/store.js'

export const FOR_EVER = Number.POSITIVE_INFINITY

/** Counts numbers up by one, all together. @returns what the first is now */
export function counted(store: Store, keys: readonly string[]): Promise<number> {
  return store.update(keys, current => {
    const numbers = current.map(value => Number(value ?? 0) + 1)
    return { result: numbers[0] ?? 0, puts: numbers.map((n, index) => put(keys[index] ?? '', String(n))) }
  })
}

export function put(key: string, value: string | Buffer, more: Partial<Put> = {}): Put {
  return { key, value: Buffer.from(value), expiresAt: FOR_EVER, ...more }
}

/** Writes entries whatever was there before. */
export function write(store: Store, ...puts: Put[]): Promise<void> {
  return store.update(
    puts.map(({ key }) => key),
    () => ({ result: undefined, puts }),
  )
}

export async function scanned(store: Store, prefix: string): Promise<[string, string][]> {
  const found: [string, string][] = []
  for await (const [key, value] of store.scan(prefix)) found.push([key, value.toString()])
  return found
}
