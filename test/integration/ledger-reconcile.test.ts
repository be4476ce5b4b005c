import t, { type Test } from 'tap'
import { type Address, encodeFunctionData, type Hex, parseAbi, parseSignature, toHex } from 'viem'
import { type Entry, totalsOf } from '../../src/ledger/entry.js'
import { Ledger } from '../../src/ledger/ledger.js'
import type { Outcome } from '../../src/ledger/purchase.js'
import { reconcile } from '../../src/ledger/reconcile.js'
import { jsonRpc } from '../../src/rpc/json-rpc.js'
import { memoryStore } from '../../src/store/memory-store.js'
import { systemClock } from '../../src/time/clock.js'
import { seconds } from '../../src/time/units.js'
import { ask, limits, taken, word } from '../support/ledger-rig.js'
import { startChain, testAccount } from '../support/x402/chain.js'

const PAY = parseAbi([
  'function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
])
const CANCEL = {
  CancelAuthorization: [
    { name: 'authorizer', type: 'address' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const
const TYPES = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const

const payer = testAccount('payer')
const SELLER: Address = `0x${'11'.repeat(20)}`

/** A chain with money on it, and a ledger whose purchases can be cashed there. */
async function rig(t: Test) {
  const chain = await startChain()
  t.teardown(() => chain.close())
  await chain.mint(payer.address, 1_000_000n)
  const store = memoryStore(systemClock)
  const ledger = new Ledger(store, systemClock, 'test')
  t.teardown(() => ledger.close())
  let count = 0
  /** Buys for `amount`; `cash` sends the payment to the chain. */
  const buy = async (amount: bigint, more = {}) => {
    const purchase = taken(await ledger.reserve(ask(`k${count++}`, { amount, ...more })))
    const nonce = toHex(BigInt(`0x${purchase.id}`), { size: 32 })
    const validBefore = Math.floor(Date.now() / 1_000) + 60
    const field = { name: 'X-PAYMENT', value: 'bytes' } as const
    await ledger.signed(purchase, { field, nonce, payer: payer.address, validBefore, identifier: undefined })
    const { name, version, address: verifyingContract } = chain.token
    const domain = { name, version, chainId: chain.chainId, verifyingContract }
    const send = (data: Hex) => {
      const params = [{ from: SELLER, to: verifyingContract, data }]
      return chain.ask({ method: 'eth_sendTransaction', params }) as Promise<Hex>
    }
    const cash = async (): Promise<Hex> => {
      const times = { validAfter: 0n, validBefore: BigInt(validBefore) }
      const message = { from: payer.address, to: SELLER, value: amount, ...times, nonce }
      const primaryType = 'TransferWithAuthorization'
      const { r, s, v } = split(await payer.signTypedData({ domain, types: TYPES, primaryType, message }))
      const args = [payer.address, SELLER, amount, 0n, message.validBefore, nonce, v, r, s] as const
      return send(encodeFunctionData({ abi: PAY, functionName: 'transferWithAuthorization', args }))
    }
    const cancel = async (): Promise<Hex> => {
      const message = { authorizer: payer.address, nonce }
      const primaryType = 'CancelAuthorization'
      const { r, s, v } = split(await payer.signTypedData({ domain, types: CANCEL, primaryType, message }))
      const args = [payer.address, nonce, v, r, s] as const
      return send(encodeFunctionData({ abi: PAY, functionName: 'cancelAuthorization', args }))
    }
    const settle = (to: Outcome, transaction?: Hex) => ledger.settle(purchase, to, { attempts: 1, transaction })
    return { id: purchase.id, cash, cancel, settle }
  }
  const rpc = jsonRpc({ url: chain.rpcUrl, timeout: seconds(5), ca: undefined }, systemClock)
  const found = async () => {
    const { results } = await reconcile(store, systemClock, rpc)
    return Object.fromEntries(results.map(({ entry, found }) => [Number(entry.amount), found]))
  }
  const sums = async () => {
    const all: Entry[] = []
    for await (const entry of ledger.list()) all.push(entry)
    const [total] = totalsOf(all)
    const moved = chain.authorizationsUsed(payer.address).reduce((sum, { value }) => sum + value, 0n)
    return { settled: total?.settled, open: total?.open, moved }
  }
  return { chain, store, ledger, buy, found, sums }
}

t.test('P10: reconcile makes the ledger equal to the chain, to the unit, whatever was said about payments', async t => {
  const { chain, ledger, buy, found, sums } = await rig(t)
  const told = await buy(1n)
  await told.settle('settled', await told.cash())
  const lied = await buy(2n)
  await lied.settle('settled', `0x${'ab'.repeat(32)}`)
  const lost = await buy(4n)
  await lost.cash()
  await lost.settle('unknown')
  const unused = await buy(8n)
  await unused.settle('unknown')
  const denied = await buy(16n)
  await denied.cash()
  await denied.settle('refused_live')
  const silent = await buy(32n)
  await silent.cash()
  await silent.settle('delivered_unconfirmed')
  const undelivered = await buy(64n)
  await undelivered.cash()
  await undelivered.settle('settled_undelivered')
  const running = await buy(128n)
  const foreign = await buy(256n, { asset: { ...ask('').asset, chain: 'eip155:8453' } })
  await foreign.settle('unknown')

  const all = { 1: 'confirmed', 4: 'late', 16: 'late', 32: 'confirmed', 64: 'confirmed' }
  t.strictSame(await found(), { ...all, 2: 'open', 8: 'open', 128: 'running' })
  chain.advance(61)
  t.strictSame(await found(), { 2: 'dead', 8: 'dead', 128: 'running' }, 'what is proven is not asked about again')
  t.strictSame(await sums(), { settled: 117n, open: 128n, moved: 117n })
  await running.settle('unknown')
  t.strictSame(await found(), { 128: 'dead' })
  t.strictSame(await sums(), { settled: 117n, open: 0n, moved: 117n })
  chain.mine()
  const asked = chain.asked.filter(method => method === 'eth_call').length
  t.strictSame(await found(), {})
  t.equal(chain.asked.filter(method => method === 'eth_call').length, asked)

  const states: Record<number, string> = {}
  for await (const { amount, state, transaction, proven } of ledger.list()) {
    states[Number(amount)] = state
    if (state.startsWith('settled')) t.ok(proven && transaction.startsWith('0x'), `${state} has its transaction`)
  }
  const dead = { 2: 'expired', 8: 'expired', 128: 'expired' }
  const live = { 1: 'settled', 4: 'settled_late', 16: 'settled_late', 32: 'settled', 64: 'settled_undelivered' }
  t.strictSame(states, { ...live, ...dead, 256: 'unknown' })
})

t.test('P4: what the chain proves dead is given back to the limits, and its idempotency key is free', async t => {
  const { chain, ledger, buy, found } = await rig(t)
  const rules = { keyed: true, purchaseKey: 'key', limits: limits({ total: { USDC: 10n } }) }
  const bought = await buy(10n, rules)
  await bought.settle('unknown')
  const again = async () => word(await ledger.reserve(ask('', { ...rules, amount: 10n })))
  t.equal(await again(), 'in_flight')
  t.strictSame(await found(), { 10: 'open' })
  t.equal(await again(), 'in_flight', 'while it may be cashed, whoever denies it')
  chain.advance(60)
  t.strictSame(await found(), { 10: 'dead' })
  t.equal(await again(), 'reserved')
})

t.test('P4: what the payer cancelled is dead at once, though the contract calls it used', async t => {
  const { buy, found, sums } = await rig(t)
  const bought = await buy(4n)
  await bought.cancel()
  await bought.settle('unknown')
  t.strictSame(await found(), { 4: 'dead' })
  t.strictSame(await sums(), { settled: 0n, open: 0n, moved: 0n })
})

t.test('P10: what was cashed ten minutes of other blocks ago is found by its time', async t => {
  const { chain, buy, found } = await rig(t)
  chain.mine(300)
  const lost = await buy(4n)
  const transaction = await lost.cash()
  await lost.settle('unknown')
  for (let step = 0; step < 20; step++) {
    chain.advance(60)
    chain.mine(20)
  }
  t.strictSame(await found(), { 4: 'late' })
  t.match(chain.authorizationsUsed(payer.address), [{ transaction }])
})

function split(signature: Hex): { readonly r: Hex; readonly s: Hex; readonly v: number } {
  const { r, s, v = 27n } = parseSignature(signature)
  return { r, s, v: Number(v) }
}
