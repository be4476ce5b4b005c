import type { Test } from 'tap'
import { type Answer, request } from '../client.js'
import { type Chain, startChain, testAccount } from './chain.js'
import { type Facilitator, type FacilitatorOptions, openFacilitator } from './facilitator.js'
import { type Buyer, openBuyer } from './official-buyer.js'
import { type PaidServer, type PaidServerOptions, startPaidServer } from './paid-server.js'

/** What `/paid` costs, and what the payer starts with, in atomic units. */
export const PRICE = 10_000n
const PURSE = 10_000_000n

/** The account that every test pays from. */
export const payer = testAccount('payer')

export type Shop = {
  readonly chain: Chain
  readonly facilitator: Facilitator
  readonly server: PaidServer
  readonly buyer: Buyer
  /** Asks for `/paid` directly, with these header lines. */
  readonly ask: (...fields: string[]) => Promise<Answer>
  /** What has left the payer's purse, what is in the seller's, and by how many payments of the payer. */
  readonly moved: () => Promise<{ readonly paid: bigint; readonly earned: bigint; readonly payments: number }>
}

export type ShopOptions = Partial<PaidServerOptions> & FacilitatorOptions & { readonly purse?: bigint }

/** A chain, a facilitator, a seller and a buyer with money, all gone when the test is over. */
export async function openShop(t: Test, { flaky, purse = PURSE, ...options }: ShopOptions = {}): Promise<Shop> {
  const chain = options.chain ?? (await startChain())
  const facilitator = options.facilitator ?? openFacilitator(chain, flaky && { flaky })
  const server = await startPaidServer({ ...options, chain, facilitator })
  await chain.mint(payer.address, purse)
  t.teardown(async () => {
    await server.close()
    if (options.chain === undefined) await chain.close()
  })
  const before = await chain.balanceOf(payer.address)
  return {
    chain,
    facilitator,
    server,
    buyer: openBuyer(payer, chain),
    ask: (...fields) => request(server.port, '/paid', { fields }),
    moved: async () => ({
      paid: before - (await chain.balanceOf(payer.address)),
      earned: await chain.balanceOf(server.payTo),
      payments: chain.authorizationsUsed(payer.address).length,
    }),
  }
}
