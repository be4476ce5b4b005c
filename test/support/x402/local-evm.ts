import { createCustomCommon, Mainnet } from '@ethereumjs/common'
import { createEVM, type EVM } from '@ethereumjs/evm'
import { Account, createAddressFromString } from '@ethereumjs/util'
import { concat, decodeErrorResult, type Hex, hexToBytes, keccak256, parseAbi, toHex } from 'viem'
import { rememberRecoveries } from './recovery.js'

export type Log = {
  readonly address: Hex
  readonly topics: readonly Hex[]
  readonly data: Hex
  readonly blockNumber: bigint
  readonly transactionHash: Hex
  readonly logIndex: number
}

export type Block = {
  readonly number: bigint
  readonly timestamp: bigint
  readonly hash: Hex
  readonly parentHash: Hex
}

export type Transaction = {
  readonly hash: Hex
  readonly from: Hex
  readonly to: Hex
  readonly input: Hex
  readonly nonce: number
  readonly block: Block
  readonly succeeded: boolean
  readonly gasUsed: bigint
  readonly logs: readonly Log[]
}

export type Message = { readonly from: Hex; readonly to: Hex; readonly data: Hex }

/** A call that the contract refused; `data` is what it reverted with. */
export class Reverted extends Error {
  override readonly name = 'Reverted'
  readonly data: Hex

  constructor(data: Hex) {
    super(`execution reverted: ${reasonOf(data)}`)
    this.data = data
  }
}

const GAS = 10_000_000n
const BASE_GAS = 21_000n

/**
 * A chain of one node: every transaction is mined at once, into a block of its own. Gas is free. The state is that of
 * now: there is no past to ask for but the logs.
 */
export class LocalEvm {
  readonly chainId: number
  readonly blocks: Block[]
  readonly transactions = new Map<Hex, Transaction>()
  /** Of all transactions, in order. */
  readonly logs: Log[] = []
  readonly #evm: EVM
  readonly #now: () => number
  #tail: Promise<unknown> = Promise.resolve()

  private constructor(evm: EVM, chainId: number, now: () => number) {
    this.#evm = evm
    this.chainId = chainId
    this.#now = now
    this.blocks = [this.#seal(0n, `0x${'00'.repeat(32)}`)]
  }

  /** @param now Unix time in milliseconds: block times follow it. */
  static async create(chainId: number, now: () => number): Promise<LocalEvm> {
    const customCrypto = { ecrecover: rememberRecoveries() }
    const common = createCustomCommon({ chainId, name: 'local' }, Mainnet, { customCrypto })
    return new LocalEvm(await createEVM({ common }), chainId, now)
  }

  get head(): Block {
    return this.blocks[this.blocks.length - 1]!
  }

  /** An empty block. */
  mine(): Block {
    const block = this.#seal(this.head.number + 1n, this.head.hash, this.head.timestamp)
    this.blocks.push(block)
    return block
  }

  /** Puts code at an address. */
  place(address: Hex, code: Hex): Promise<void> {
    return this.#alone(() => this.#evm.stateManager.putCode(createAddressFromString(address), hexToBytes(code)))
  }

  /** Runs a contract's creation code as if it had been deployed at this very address. */
  async construct(address: Hex, creation: Hex): Promise<void> {
    await this.#alone(async () => {
      const to = createAddressFromString(address)
      // Without an account its storage would be swept away with the empty ones.
      await this.#evm.stateManager.putAccount(to, new Account(1n))
      const built = await this.#evm.runCode({ code: hexToBytes(creation), to, gasLimit: GAS, block: this.#pending() })
      if (built.exceptionError !== undefined) throw new Reverted(toHex(built.returnValue))
      await this.#evm.stateManager.putCode(to, built.returnValue)
      await this.#settle()
    })
  }

  /** What a call would return, leaving no trace; throws `Reverted`. */
  call({ from, to, data }: Message): Promise<Hex> {
    return this.#alone(async () => {
      await this.#evm.journal.checkpoint()
      const { execResult } = await this.#run({ from, to, data })
      await this.#evm.journal.revert()
      await this.#settle()
      if (execResult.exceptionError !== undefined) throw new Reverted(toHex(execResult.returnValue))
      return toHex(execResult.returnValue)
    })
  }

  /** Mines a transaction, also one that fails. `nonce`, when given, has to be the sender's next. */
  send(message: Message, nonce?: number, hash?: Hex): Promise<Transaction> {
    return this.#alone(async () => {
      const next = await this.#nonceOf(message.from)
      if (nonce !== undefined && nonce !== next)
        throw new Error(`nonce too ${nonce < next ? 'low' : 'high'}: next nonce ${next}, tx nonce ${nonce}`)
      const { execResult } = await this.#run(message)
      await this.#settle()
      return this.#record(
        message,
        next,
        hash ?? keccak256(concat([message.from, toHex(next), message.data])),
        execResult,
      )
    })
  }

  /** Transactions this address has sent. */
  nonceOf(address: Hex): Promise<number> {
    return this.#alone(() => this.#nonceOf(address))
  }

  codeAt(address: Hex): Promise<Hex> {
    return this.#alone(async () => toHex(await this.#evm.stateManager.getCode(createAddressFromString(address))))
  }

  #record(message: Message, nonce: number, hash: Hex, result: Ran['execResult']): Transaction {
    const block = this.mine()
    const logs = (result.logs ?? []).map(([address, topics, data], index) => ({
      address: toHex(address),
      topics: topics.map(topic => toHex(topic)),
      data: toHex(data),
      blockNumber: block.number,
      transactionHash: hash,
      logIndex: index,
    }))
    const succeeded = result.exceptionError === undefined
    const gasUsed = BASE_GAS + result.executionGasUsed
    const { from, to, data: input } = message
    const transaction = { hash, from, to, input, nonce, block, succeeded, gasUsed, logs }
    this.transactions.set(hash, transaction)
    this.logs.push(...logs)
    return transaction
  }

  #run({ from, to, data }: Message): Promise<Ran> {
    return this.#evm.runCall({
      caller: createAddressFromString(from),
      to: createAddressFromString(to),
      data: hexToBytes(data),
      gasLimit: GAS,
      block: this.#pending(),
    })
  }

  /** The end of a transaction: nothing is warm, and what is stored now is the original of the next. */
  async #settle(): Promise<void> {
    await this.#evm.journal.cleanup()
    this.#evm.stateManager.originalStorageCache.clear()
  }

  async #nonceOf(address: Hex): Promise<number> {
    return Number((await this.#evm.stateManager.getAccount(createAddressFromString(address)))?.nonce ?? 0n)
  }

  /** The block that a transaction would get into now. */
  #pending(): NonNullable<Parameters<EVM['runCall']>[0]['block']> {
    const { timestamp } = this.#seal(0n, '0x', this.head.timestamp)
    return {
      header: {
        number: this.head.number + 1n,
        coinbase: createAddressFromString(`0x${'00'.repeat(20)}`),
        timestamp,
        difficulty: 0n,
        prevRandao: new Uint8Array(32),
        gasLimit: GAS,
        baseFeePerGas: 0n,
        getBlobGasPrice: () => undefined,
      },
    }
  }

  #seal(number: bigint, parentHash: Hex, notBefore = 0n): Block {
    const now = BigInt(Math.floor(this.#now() / 1_000))
    const timestamp = now > notBefore ? now : notBefore
    return { number, timestamp, parentHash, hash: keccak256(concat([parentHash, toHex(number), toHex(timestamp)])) }
  }

  /** The interpreter holds one call at a time. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work)
    this.#tail = done.catch(() => undefined)
    return done
  }
}

type Ran = Awaited<ReturnType<EVM['runCall']>>

function reasonOf(data: Hex): string {
  try {
    const { args } = decodeErrorResult({ abi: parseAbi(['error Error(string)']), data })
    return String(args[0])
  } catch {
    return 'no reason given'
  }
}
