/** The EVM networks that x402 v1 calls by name, and their chain ids (EIP-155). */
const NAMES: ReadonlyMap<string, number> = new Map([
  ['ethereum', 1],
  ['sepolia', 11155111],
  ['abstract', 2741],
  ['abstract-testnet', 11124],
  ['base-sepolia', 84532],
  ['base', 8453],
  ['avalanche-fuji', 43113],
  ['avalanche', 43114],
  ['iotex', 4689],
  ['sei', 1329],
  ['sei-testnet', 1328],
  ['polygon', 137],
  ['polygon-amoy', 80002],
  ['peaq', 3338],
  ['story', 1514],
  ['educhain', 41923],
  ['skale-base-sepolia', 324705682],
  ['megaeth', 4326],
  ['monad', 143],
  ['stable', 988],
  ['stable-testnet', 2201],
  ['celo', 42220],
  ['flare', 14],
])

/** An EVM chain in CAIP-2 form, such as `eip155:8453`. */
export type Chain = `eip155:${number}`

export const NETWORK_NAMES: readonly string[] = [...NAMES.keys()]

/** @param name as configurations and v1 offers say it @returns `undefined` for a name that we do not know */
export function namedChain(name: string): Chain | undefined {
  const id = NAMES.get(name)
  return id === undefined ? undefined : `eip155:${id}`
}

/** CAIP-2 in one spelling: no leading zero, and an id that a double holds exactly; `undefined` for anything else. */
export function parseChain(text: string): Chain | undefined {
  const id = /^eip155:([1-9]\d{0,15})$/.exec(text)?.[1]
  return id !== undefined && Number.isSafeInteger(Number(id)) ? `eip155:${Number(id)}` : undefined
}

export const chainId = (chain: Chain): number => Number(chain.slice('eip155:'.length))
