import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type Hex, isAddressEqual, keccak256, parseTransaction, recoverTransactionAddress, toHex } from 'viem'
import { type Block, type LocalEvm, type Log, type Message, Reverted, type Transaction } from './local-evm.js'

/** One JSON-RPC method call, answered in this process. */
export type Ask = (request: { readonly method: string; readonly params?: unknown }) => Promise<unknown>

/** Who a call without a sender comes from, as nodes have it. */
const NOBODY: Hex = `0x${'00'.repeat(20)}`
const NO_BLOOM: Hex = `0x${'00'.repeat(256)}`
const GWEI = 1_000_000_000n

type CallParams = { readonly from?: Hex; readonly to: Hex; readonly data?: Hex; readonly input?: Hex }
type LogFilter = {
  readonly fromBlock?: string
  readonly toBlock?: string
  readonly address?: Hex | readonly Hex[]
  readonly topics?: readonly (Hex | readonly Hex[] | null)[]
}

class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** What a wallet, a facilitator and a reconciling ledger ask of a node; every account is unlocked. */
export function openRpc(evm: LocalEvm): Ask {
  return async ({ method, params = [] }) => {
    const answer = METHODS[method]
    if (answer === undefined) throw new RpcError(-32601, `the method ${method} does not exist`)
    return answer(evm, ...(params as never[]))
  }
}

const METHODS: Record<string, (evm: LocalEvm, ...params: never[]) => unknown> = {
  web3_clientVersion: () => 'local-evm',
  eth_chainId: evm => toHex(evm.chainId),
  net_version: evm => String(evm.chainId),
  eth_blockNumber: evm => toHex(evm.head.number),
  eth_gasPrice: () => toHex(GWEI),
  eth_maxPriorityFeePerGas: () => toHex(GWEI),
  eth_estimateGas: () => toHex(1_000_000),
  eth_getBalance: () => toHex(10n ** 18n),
  eth_getCode: (evm, address: Hex) => evm.codeAt(address),
  eth_getTransactionCount: async (evm, address: Hex) => toHex(await evm.nonceOf(address)),
  eth_call: (evm, call: CallParams, block?: string) => {
    if (blockNumber(evm, block) !== evm.head.number) throw new RpcError(-32000, 'missing trie node: no past state here')
    return evm.call(messageOf(call))
  },
  eth_sendTransaction: async (evm, call: CallParams) => (await evm.send(messageOf(call))).hash,
  eth_sendRawTransaction: async (evm, raw: Hex) => {
    const { to, data = '0x', nonce = 0 } = parseTransaction(raw)
    if (to === undefined || to === null) throw new RpcError(-32000, 'contracts are placed, not deployed')
    const from = await recoverTransactionAddress({ serializedTransaction: raw as `0x02${string}` })
    return (await evm.send({ from, to, data }, nonce, keccak256(raw))).hash
  },
  eth_getTransactionByHash: (evm, hash: Hex) => describeTransaction(evm, evm.transactions.get(hash)),
  eth_getTransactionReceipt: (evm, hash: Hex) => describeReceipt(evm.transactions.get(hash)),
  eth_getBlockByNumber: (evm, block: string) => describeBlock(evm, evm.blocks[Number(blockNumber(evm, block))]),
  eth_getBlockByHash: (evm, hash: Hex) =>
    describeBlock(
      evm,
      evm.blocks.find(block => block.hash === hash),
    ),
  eth_getLogs: (evm, filter: LogFilter) => findLogs(evm, filter),
}

function messageOf({ from = NOBODY, to, data, input }: CallParams): Message {
  return { from, to, data: data ?? input ?? '0x' }
}

/** Whatever is mined is safe and final. */
function blockNumber(evm: LocalEvm, block = 'latest'): bigint {
  if (block === 'earliest') return 0n
  return block.startsWith('0x') ? BigInt(block) : evm.head.number
}

function findLogs(evm: LocalEvm, { fromBlock, toBlock, address, topics = [] }: LogFilter): object[] {
  const from = blockNumber(evm, fromBlock)
  const to = blockNumber(evm, toBlock)
  const addresses = address === undefined ? undefined : [address].flat()
  const matches = (log: Log) =>
    log.blockNumber >= from &&
    log.blockNumber <= to &&
    (addresses?.some(one => isAddressEqual(one, log.address)) ?? true) &&
    topics.every(
      (wanted, at) => wanted === null || [wanted].flat().some(topic => topic.toLowerCase() === log.topics[at]),
    )
  return evm.logs.filter(matches).map(log => describeLog(evm.blocks[Number(log.blockNumber)]?.hash, log))
}

const describeLog = (blockHash: Hex | undefined, log: Log): object => ({
  ...log,
  blockHash,
  blockNumber: toHex(log.blockNumber),
  transactionIndex: '0x0',
  logIndex: toHex(log.logIndex),
  removed: false,
})

function describeReceipt(transaction: Transaction | undefined): object | null {
  if (transaction === undefined) return null
  const { hash, from, to, block, succeeded, gasUsed, logs } = transaction
  return {
    transactionHash: hash,
    transactionIndex: '0x0',
    blockHash: block.hash,
    blockNumber: toHex(block.number),
    from,
    to,
    contractAddress: null,
    cumulativeGasUsed: toHex(gasUsed),
    gasUsed: toHex(gasUsed),
    effectiveGasPrice: toHex(GWEI),
    logs: logs.map(log => describeLog(block.hash, log)),
    logsBloom: NO_BLOOM,
    status: succeeded ? '0x1' : '0x0',
    type: '0x2',
  }
}

function describeTransaction(evm: LocalEvm, transaction: Transaction | undefined): object | null {
  if (transaction === undefined) return null
  const { hash, from, to, input, nonce, block } = transaction
  return {
    hash,
    from,
    to,
    input,
    nonce: toHex(nonce),
    blockHash: block.hash,
    blockNumber: toHex(block.number),
    transactionIndex: '0x0',
    value: '0x0',
    gas: toHex(1_000_000),
    gasPrice: toHex(GWEI),
    chainId: toHex(evm.chainId),
    type: '0x0',
  }
}

function describeBlock(evm: LocalEvm, block: Block | undefined): object | null {
  if (block === undefined) return null
  const mined = [...evm.transactions.values()].filter(transaction => transaction.block === block)
  return {
    number: toHex(block.number),
    hash: block.hash,
    parentHash: block.parentHash,
    timestamp: toHex(block.timestamp),
    gasLimit: toHex(30_000_000),
    gasUsed: toHex(mined.reduce((sum, { gasUsed }) => sum + gasUsed, 0n)),
    baseFeePerGas: '0x0',
    difficulty: '0x0',
    extraData: '0x',
    logsBloom: NO_BLOOM,
    miner: NOBODY,
    transactions: mined.map(({ hash }) => hash),
    uncles: [],
  }
}

export type RpcServer = {
  readonly url: string
  /** Methods asked for so far, in order. */
  readonly asked: readonly string[]
  readonly close: () => Promise<void>
}

/** JSON-RPC 2.0 over HTTP on loopback, batches too. */
export async function serveRpc(ask: Ask): Promise<RpcServer> {
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    const asking = JSON.parse(await text(request)) as Call | readonly Call[]
    asked.push(...[asking].flat().map(({ method }) => method))
    const answers = Array.isArray(asking) ? await Promise.all(asking.map(reply(ask))) : await reply(ask)(asking as Call)
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answers))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

type Call = { readonly id: unknown; readonly method: string; readonly params?: unknown }

const reply =
  (ask: Ask) =>
  async ({ id, ...call }: Call): Promise<object> => {
    try {
      return { jsonrpc: '2.0', id, result: await ask(call) }
    } catch (cause) {
      const { message } = cause as Error
      if (cause instanceof Reverted) return { jsonrpc: '2.0', id, error: { code: 3, message, data: cause.data } }
      return { jsonrpc: '2.0', id, error: { code: cause instanceof RpcError ? cause.code : -32000, message } }
    }
  }
