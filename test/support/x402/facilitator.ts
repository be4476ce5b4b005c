import { x402Facilitator } from '@x402/core/facilitator'
import { type FacilitatorClient, FacilitatorTimeoutError } from '@x402/core/server'
import { toFacilitatorEvmSigner } from '@x402/evm'
import { ExactEvmScheme } from '@x402/evm/exact/facilitator'
import { ExactEvmSchemeV1 } from '@x402/evm/exact/v1/facilitator'
import { type Address, encodeFunctionData, type Hex, verifyTypedData } from 'viem'
import { seeded } from '../random.js'
import { type Chain, testAccount } from './chain.js'

/** What ails a settlement, as facilitators are known to be ailing. */
const AILMENTS = [
  /** Two settlements took the same relayer nonce: nothing was sent. */
  'nonce-too-low',
  /** Sent, but the confirmation did not come in time: `settlement_pending`, with the hash. */
  'unconfirmed',
  /** Settled, and the answer to the seller came too late: the official middleware makes a 502 of it. */
  'unanswered',
] as const
type Ailment = (typeof AILMENTS)[number]

export type FacilitatorOptions = {
  /** Part of the settlements that ail, in [0, 1], and the seed of which. */
  readonly flaky?: { readonly rate: number; readonly seed: number }
}

export type Facilitator = FacilitatorClient & {
  /** How many settlements suffered from what. */
  readonly ailed: Readonly<Record<Ailment, number>>
}

/** The v1 name of the one network that has a name here. */
export const V1_NETWORK = 'base-sepolia'

/** The official facilitator, v1 and v2, settling on this chain one payment at a time. */
export function openFacilitator(chain: Chain, { flaky }: FacilitatorOptions = {}): Facilitator {
  const health = flaky === undefined ? new Health(0, seeded(0)) : new Health(flaky.rate, seeded(flaky.seed))
  const signer = toFacilitatorEvmSigner(relayer(chain, health))
  const facilitator = new x402Facilitator()
    .register(chain.network, new ExactEvmScheme(signer))
    .registerV1(V1_NETWORK as never, new ExactEvmSchemeV1(signer))
  let tail: Promise<unknown> = Promise.resolve()
  const settle: FacilitatorClient['settle'] = async (payload, requirements) => {
    health.change()
    const receipt = await facilitator.settle(payload, requirements)
    if (receipt.success && health.suffers('unanswered')) throw new FacilitatorTimeoutError('settle', 30_000)
    return receipt
  }
  return {
    ailed: health.ailed,
    verify: (payload, requirements) => facilitator.verify(payload, requirements),
    // Settlements side by side would take the same relayer nonce.
    settle: (payload, requirements) => {
      const done = tail.then(() => settle(payload, requirements))
      tail = done.catch(() => undefined)
      return done
    },
    getSupported: async () => facilitator.getSupported() as Awaited<ReturnType<FacilitatorClient['getSupported']>>,
  }
}

/** What ails the settlement under way, if anything. */
class Health {
  readonly ailed: Record<Ailment, number> = { 'nonce-too-low': 0, unconfirmed: 0, unanswered: 0 }
  readonly #rate: number
  readonly #random: () => number
  #ailment: Ailment | undefined

  constructor(rate: number, random: () => number) {
    this.#rate = rate
    this.#random = random
  }

  /** The next settlement begins. */
  change(): void {
    const ails = this.#random() < this.#rate
    this.#ailment = ails ? AILMENTS[Math.floor(this.#random() * AILMENTS.length)] : undefined
  }

  /** Is it this? At most once for each settlement. */
  suffers(ailment: Ailment): boolean {
    if (this.#ailment !== ailment) return false
    this.#ailment = undefined
    this.ailed[ailment]++
    return true
  }
}

type RelayerClient = Parameters<typeof toFacilitatorEvmSigner>[0]

/** The account that pays the gas. */
function relayer({ client, ask }: Chain, health: Health): RelayerClient {
  const { address } = testAccount('relayer')
  const send = async (to: Address, data: Hex): Promise<Hex> => {
    if (health.suffers('nonce-too-low')) throw new Error('nonce too low: next nonce 8, tx nonce 7')
    return (await ask({ method: 'eth_sendTransaction', params: [{ from: address, to, data }] })) as Hex
  }
  return {
    address,
    readContract: call => client.readContract(call as never),
    // The one without a node: a node would run a validator contract for each check.
    verifyTypedData: data => verifyTypedData(data as never),
    writeContract: ({ address: to, ...call }) => send(to, encodeFunctionData(call as never)),
    sendTransaction: ({ to, data }) => send(to, data),
    getCode: call => client.getCode(call),
    // Mined at once, so there is nothing to poll for.
    waitForTransactionReceipt: async ({ hash }) => {
      if (health.suffers('unconfirmed')) throw new Error('Timed out while waiting for transaction to be confirmed.')
      return client.getTransactionReceipt({ hash })
    },
  }
}
