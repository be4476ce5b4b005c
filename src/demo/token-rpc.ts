import { text } from 'node:stream/consumers'
import { chainId } from '../x402/networks.js'
import { type Loopback, serveLoopback } from './loopback.js'
import type { TokenLedger, Transfer } from './token-ledger.js'

/**
 * The ledger as a node would tell of it, in as much of Ethereum's JSON-RPC as `mulligan ledger reconcile` and a curious
 * reader need. Each transfer has a block of its own; one above them all is always the last.
 */
export function serveTokenRpc(ledger: TokenLedger): Promise<Loopback> {
  return serveLoopback((request, response) => {
    void text(request).then(body => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(answerTo(body, ledger))
    })
  })
}

type Call = { readonly id: unknown; readonly method: string; readonly params?: readonly unknown[] }
type Method = (ledger: TokenLedger, params: readonly unknown[]) => unknown

function answerTo(body: string, ledger: TokenLedger): string {
  const { id, method, params = [] } = JSON.parse(body) as Call
  const result = METHODS.get(method)?.(ledger, params)
  const answer = result === undefined ? { error: { code: -32_601, message: 'not known here' } } : { result }
  return JSON.stringify({ jsonrpc: '2.0', id, ...answer })
}

const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['eth_chainId', ({ token }) => hex(chainId(token.chain))],
  ['eth_blockNumber', ledger => hex(headOf(ledger))],
  ['eth_call', (ledger, [call]) => readContract(ledger, call as ContractCall)],
  ['eth_getLogs', (ledger, [filter]) => logsOf(ledger, filter as LogFilter)],
  ['eth_getBlockByNumber', (ledger, [block]) => blockOf(ledger, numberOf(ledger, block as string))],
  [
    'eth_getTransactionReceipt',
    (ledger, [hash]) => {
      const index = ledger.transfers.findIndex(({ transaction }) => transaction === hash)
      return index < 0 ? null : receiptOf(ledger, index)
    },
  ],
])

type ContractCall = { readonly to: string; readonly data?: string; readonly input?: string }

/** `authorizationState(address,bytes32)` and `balanceOf(address)`, by the first bytes of their hashes. */
function readContract(ledger: TokenLedger, { to, data, input }: ContractCall): string | undefined {
  const call = data ?? input ?? ''
  const address = `0x${call.slice(34, 74)}`
  if (to.toLowerCase() !== ledger.token.address.toLowerCase()) return '0x'
  if (call.startsWith('0xe94a0102')) return word(ledger.isUsed(address, `0x${call.slice(74, 138)}`) ? 1n : 0n)
  return call.startsWith('0x70a08231') ? word(ledger.balanceOf(address)) : undefined
}

type LogFilter = {
  readonly address?: string | readonly string[]
  readonly fromBlock?: string
  readonly toBlock?: string
  readonly topics?: readonly (string | readonly string[] | null)[]
}

type Log = { readonly blockNumber: string; readonly topics: readonly string[] }

function logsOf(ledger: TokenLedger, { address, fromBlock, toBlock, topics = [] }: LogFilter): readonly Log[] {
  if (address !== undefined && !isAmong(ledger.token.address, address)) return []
  const from = numberOf(ledger, fromBlock)
  const to = numberOf(ledger, toBlock)
  const fits = (log: Log) =>
    Number(log.blockNumber) >= from &&
    Number(log.blockNumber) <= to &&
    topics.every((wanted, at) => wanted === null || isAmong(log.topics[at] ?? '', wanted))
  return ledger.transfers.flatMap((_, index) => logsAt(ledger, index)).filter(fits)
}

const isAmong = (text: string, wanted: string | readonly string[]): boolean =>
  [wanted].flat().some(one => one.toLowerCase() === text.toLowerCase())

/** `AuthorizationUsed(address,bytes32)` and `Transfer(address,address,uint256)`, hashed. */
const AUTHORIZATION_USED = '0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5'
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'

/** What a token contract logs for one transfer. */
function logsAt(ledger: TokenLedger, index: number): readonly (Log & Record<string, unknown>)[] {
  const { from, to, value, nonce, transaction } = ledger.transfers[index] as Transfer
  const place = {
    address: ledger.token.address,
    blockNumber: hex(index + 1),
    blockHash: word(BigInt(index + 1)),
    transactionHash: transaction,
    transactionIndex: '0x0',
    removed: false,
  }
  return [
    { ...place, logIndex: '0x0', topics: [AUTHORIZATION_USED, word(BigInt(from)), nonce], data: '0x' },
    { ...place, logIndex: '0x1', topics: [TRANSFER, word(BigInt(from)), word(BigInt(to))], data: word(value) },
  ]
}

function receiptOf(ledger: TokenLedger, index: number): object {
  const { transaction } = ledger.transfers[index] as Transfer
  const place = { blockNumber: hex(index + 1), blockHash: word(BigInt(index + 1)) }
  return { transactionHash: transaction, ...place, status: '0x1', logs: logsAt(ledger, index) }
}

function blockOf(ledger: TokenLedger, number: number): object | null {
  if (number > headOf(ledger)) return null
  const now = Math.floor(Date.now() / 1_000)
  // The first block of a chain is older than anything on it.
  const at = number === 0 ? 0 : (ledger.transfers[number - 1]?.at ?? now)
  return { number: hex(number), hash: word(BigInt(number)), timestamp: hex(at) }
}

const headOf = ({ transfers }: TokenLedger): number => transfers.length + 1

/** Whatever is written is final. */
function numberOf(ledger: TokenLedger, block = 'latest'): number {
  if (block === 'earliest') return 0
  return block.startsWith('0x') ? Number(block) : headOf(ledger)
}

const hex = (number: number): string => `0x${number.toString(16)}`
const word = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`
