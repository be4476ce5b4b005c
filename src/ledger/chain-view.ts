import { type Rpc, RpcError } from '../rpc/json-rpc.js'

/** EIP-3009 and ERC-20, as Keccak-256 names them. */
const AUTHORIZATION_STATE = '0xe94a0102'
const AUTHORIZATION_USED = '0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5'
const AUTHORIZATION_CANCELED = '0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81'
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'

/** An authorization as its contract knows it. */
export type Authorization = {
  /** The contract. */
  readonly asset: string
  readonly payer: string
  readonly payTo: string
  readonly nonce: string
  /** Unix milliseconds. */
  readonly signedAt: number
  /** Unix seconds. */
  readonly validBefore: number
  /** Where it was said to be taken; empty when nobody said. */
  readonly transaction: string
}

/** used: what it moved; where the contract says so and no log is found, neither is known · dead: nobody can take it any more. */
export type Proof =
  | { readonly kind: 'used'; readonly transaction: string; readonly moved: bigint | undefined }
  | { readonly kind: 'dead' }
  | { readonly kind: 'open' }

type Block = { readonly number: number; readonly timestamp: number }
type Log = {
  readonly address: string
  readonly topics: readonly string[]
  readonly data: string
  readonly transaction: string
}

/** Seconds that the clock of a chain may be off from ours. */
const CLOCKS_APART = 600

/** One chain, asked about single authorizations. */
export class ChainView {
  /** CAIP-2. */
  readonly network: string
  readonly #rpc: Rpc
  readonly #head: Block
  /** Nothing before it is ever undone. */
  readonly #final: Block
  readonly #blocks = new Map<number, Promise<Block>>()

  private constructor(rpc: Rpc, network: string, head: Block, final: Block) {
    this.#rpc = rpc
    this.network = network
    this.#head = head
    this.#final = final
  }

  /** The chain as it is now. @throws RpcError */
  static async open(rpc: Rpc): Promise<ChainView> {
    const id = Number(text(await rpc('eth_chainId', [])))
    const [head, final] = await Promise.all([readBlock(rpc, 'latest'), readBlock(rpc, 'finalized')])
    return new ChainView(rpc, `eip155:${id}`, head, final)
  }

  /** What became of it; a payment counts once it is seen, its absence once that is final. @throws RpcError */
  async prove(authorization: Authorization): Promise<Proof> {
    const { transaction, validBefore } = authorization
    const told = /^0x[0-9a-f]{64}$/i.test(transaction) ? await this.#usedIn(transaction, authorization) : undefined
    if (told !== undefined) return told
    if (!(await this.#isSpent(authorization))) return { kind: this.#final.timestamp >= validBefore ? 'dead' : 'open' }
    const found = await this.#findLog(authorization)
    if (found === undefined) return { kind: 'used', transaction: '', moved: undefined }
    if (found.topics[0] === AUTHORIZATION_CANCELED) return { kind: 'dead' }
    return (await this.#usedIn(found.transaction, authorization)) ?? { kind: 'used', transaction: '', moved: undefined }
  }

  /** The contract's own word; also true for one that was cancelled. */
  async #isSpent({ asset, payer, nonce }: Authorization): Promise<boolean> {
    const data = AUTHORIZATION_STATE + word(payer) + word(nonce)
    return BigInt(text(await this.#rpc('eth_call', [{ to: asset, data }, 'latest']))) !== 0n
  }

  async #usedIn(transaction: string, authorization: Authorization): Promise<Proof | undefined> {
    const { asset, payer, payTo, nonce } = authorization
    const receipt = await this.#rpc('eth_getTransactionReceipt', [transaction])
    if (receipt === null || typeof receipt !== 'object') return undefined
    const { status, logs } = receipt as Record<string, unknown>
    if (status !== '0x1') return undefined
    const ours = toLogs(logs).filter(({ address }) => address === asset)
    if (!ours.some(({ topics }) => same(topics, [AUTHORIZATION_USED, word(payer), word(nonce)]))) return undefined
    const transfer = ours.find(({ topics }) => same(topics, [TRANSFER, word(payer), word(payTo)]))
    return { kind: 'used', transaction, moved: transfer && BigInt(transfer.data) }
  }

  async #findLog({ asset, payer, nonce, signedAt, validBefore }: Authorization): Promise<Log | undefined> {
    const signed = Math.floor(signedAt / 1_000)
    const [from, to] = [
      await this.#firstBlockAt(signed - CLOCKS_APART),
      await this.#firstBlockAt(Math.max(validBefore, signed) + CLOCKS_APART),
    ]
    const filter = {
      address: asset,
      fromBlock: hex(from),
      toBlock: hex(to),
      topics: [[AUTHORIZATION_USED, AUTHORIZATION_CANCELED], `0x${word(payer)}`, `0x${word(nonce)}`],
    }
    return toLogs(await this.#rpc('eth_getLogs', [filter]))[0]
  }

  /** The number of the first block that is not older; the newest when there is none. @param at Unix seconds */
  async #firstBlockAt(at: number): Promise<number> {
    let [low, high] = [0, this.#head.number]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((await this.#block(middle)).timestamp < at) low = middle + 1
      else high = middle
    }
    return low
  }

  #block(number: number): Promise<Block> {
    const known = this.#blocks.get(number) ?? readBlock(this.#rpc, hex(number))
    this.#blocks.set(number, known)
    return known
  }
}

async function readBlock(rpc: Rpc, name: string): Promise<Block> {
  const block = await rpc('eth_getBlockByNumber', [name, false])
  if (block === null || typeof block !== 'object') throw new RpcError(`JSON-RPC has no block ${name}`, true)
  const { number, timestamp } = block as Record<string, unknown>
  return { number: Number(text(number)), timestamp: Number(text(timestamp)) }
}

function toLogs(value: unknown): readonly Log[] {
  if (!Array.isArray(value)) throw unreadable()
  return value.map((log: Readonly<Record<string, unknown>>) => {
    if (!Array.isArray(log['topics'])) throw unreadable()
    return {
      address: text(log['address']),
      topics: log['topics'].map(text),
      data: text(log['data']),
      transaction: text(log['transactionHash']),
    }
  })
}

/** Hex with its `0x`, in lower case. */
function text(value: unknown): string {
  if (typeof value === 'string' && /^0x[0-9a-f]*$/i.test(value)) return value === '0x' ? '0x0' : value.toLowerCase()
  throw unreadable()
}

const unreadable = (): RpcError => new RpcError('JSON-RPC gave an answer that is none', true)

const same = (topics: readonly string[], [event, ...words]: readonly string[]): boolean =>
  topics[0] === event && words.every((wanted, at) => topics[at + 1] === `0x${wanted}`)

/** 32 bytes, as a contract takes them. */
const word = (value: string): string => value.replace(/^0x/, '').toLowerCase().padStart(64, '0')

const hex = (number: number): string => `0x${number.toString(16)}`
