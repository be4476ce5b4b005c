import { readFileSync } from 'node:fs'
import {
  type Address,
  concat,
  createPublicClient,
  custom,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  keccak256,
  type PublicClient,
  pad,
  parseAbi,
  parseAbiParameters,
  toEventSelector,
  toHex,
} from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { packageRoot } from '../../../src/config/package-root.js'
import { type Ask, openRpc, serveRpc } from './json-rpc.js'
import { LocalEvm } from './local-evm.js'

/** A token as its contract states it, which is what a payer has to sign over. */
export type Token = {
  readonly address: Address
  readonly name: string
  readonly version: string
  readonly decimals: number
}

/** Where the dollar of Base Sepolia lives: what the official libraries take for the default there. */
export const USDC: Token = {
  address: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  name: 'USDC',
  version: '2',
  decimals: 6,
}

const BASE_SEPOLIA = 84_532
const MULTICALL: Address = '0xcA11bde05977b3631167028862bE2a173976CA11'
const MINTER: Address = '0x00000000000000000000000000000000000000aa'

export const TOKEN_ABI = parseAbi([
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
  'function name() view returns (string)',
  'function version() view returns (string)',
  'function decimals() view returns (uint8)',
  'function balanceOf(address) view returns (uint256)',
  'function authorizationState(address authorizer, bytes32 nonce) view returns (bool)',
  'function mint(address to, uint256 value)',
  'function transfer(address to, uint256 value) returns (bool)',
])
const AUTHORIZATION_USED = toEventSelector('AuthorizationUsed(address,bytes32)')
const TRANSFER = toEventSelector('Transfer(address,address,uint256)')

/** One payment as the chain holds it. */
type Payment = {
  readonly nonce: Hex
  readonly to: Address
  readonly value: bigint
  readonly transaction: Hex
  readonly block: bigint
}

export type Chain = {
  readonly chainId: number
  /** `eip155:<chainId>`. */
  readonly network: `eip155:${number}`
  readonly token: Token
  /** JSON-RPC over HTTP, for programs. */
  readonly rpcUrl: string
  /** Methods asked for over HTTP so far. */
  readonly asked: readonly string[]
  /** JSON-RPC in this process: no sockets between. */
  readonly ask: Ask
  readonly client: PublicClient
  readonly mint: (to: Address, value: bigint) => Promise<void>
  readonly balanceOf: (address: Address) => Promise<bigint>
  /** Payments of this payer by authorization, oldest first. */
  readonly authorizationsUsed: (payer: Address) => readonly Payment[]
  /** Has this authorization been used (or cancelled)? */
  readonly isUsed: (payer: Address, nonce: Hex) => Promise<boolean>
  /** Puts a further token on the chain. */
  readonly place: (token: Token) => Promise<void>
  /** Moves the chain's clock ahead of the wall clock and mines a block. @param seconds from now on, added to earlier ones. */
  readonly advance: (seconds: number) => void
  /** Mines empty blocks: confirmations. */
  readonly mine: (blocks?: number) => void
  readonly close: () => Promise<void>
}

type Artifact = { readonly sourceSha256: string; readonly tokenCreation: Hex; readonly multicallRuntime: Hex }

/** Where the sources of the contracts and what became of them are. */
export const contractFile = (name: 'token.sol' | 'token.json'): URL =>
  new URL(`test/support/x402/${name}`, packageRoot())

/** The compiled contracts. */
export function readArtifact(): Artifact {
  return JSON.parse(readFileSync(contractFile('token.json'), 'utf8')) as Artifact
}

/** A real EVM in this process, with a dollar that knows EIP-3009 and Multicall3 on it. */
export async function startChain({ chainId = BASE_SEPOLIA, token = USDC } = {}): Promise<Chain> {
  let ahead = 0
  const evm = await LocalEvm.create(chainId, () => Date.now() + ahead)
  const { tokenCreation, multicallRuntime } = readArtifact()
  const place = ({ address, name, version, decimals }: Token) => {
    const setUp = encodeAbiParameters(parseAbiParameters('string, string, uint8'), [name, version, decimals])
    return evm.construct(address, concat([tokenCreation, setUp]))
  }
  await evm.place(MULTICALL, multicallRuntime)
  await place(token)
  const ask = openRpc(evm)
  const { url: rpcUrl, asked, close } = await serveRpc(ask)
  const client = createPublicClient({ transport: custom({ request: ask }, { retryCount: 0 }) }) as PublicClient
  const read = { address: token.address, abi: TOKEN_ABI } as const
  return {
    chainId,
    network: `eip155:${chainId}`,
    token,
    rpcUrl,
    asked,
    ask,
    client,
    place,
    mint: async (to, value) => {
      const data = encodeFunctionData({ abi: TOKEN_ABI, functionName: 'mint', args: [to, value] })
      await evm.send({ from: MINTER, to: token.address, data })
    },
    balanceOf: address => client.readContract({ ...read, functionName: 'balanceOf', args: [address] }),
    authorizationsUsed: payer => paymentsOf(evm, payer),
    isUsed: (payer, nonce) =>
      client.readContract({ ...read, functionName: 'authorizationState', args: [payer, nonce] }),
    advance: seconds => {
      ahead += seconds * 1_000
      evm.mine()
    },
    mine: (blocks = 1) => {
      for (let mined = 0; mined < blocks; mined++) evm.mine()
    },
    close,
  }
}

/** Each use of an authorization together with the transfer in the same transaction. */
function paymentsOf(evm: LocalEvm, payer: Address): Payment[] {
  const who = pad(payer).toLowerCase()
  return evm.logs
    .filter(({ topics: [event, authorizer] }) => event === AUTHORIZATION_USED && authorizer === who)
    .map(({ transactionHash, blockNumber, topics: [, , nonce = '0x'] }) => {
      const logs = evm.transactions.get(transactionHash)?.logs ?? []
      const transfer = logs.find(({ topics: [event, from] }) => event === TRANSFER && from === who)
      return {
        nonce,
        to: `0x${transfer?.topics[2]?.slice(26) ?? ''}`,
        value: BigInt(transfer?.data ?? 0),
        transaction: transactionHash,
        block: blockNumber,
      }
    })
}

/** The same account for the same name, in every run. */
export function testAccount(name: string): PrivateKeyAccount & { readonly key: Hex } {
  const key = keccak256(toHex(`a test account named ${name}`))
  return { ...privateKeyToAccount(key), key }
}
