import type { Money } from './scalars.js'

/** Atomic units, exactly; `undefined` when the amount has more places than the asset. Never a float (P10). */
export function atomicUnits({ amount }: Money, decimals: number): bigint | undefined {
  const [whole = '', fraction = ''] = amount.split('.')
  const places = fraction.replace(/0+$/, '')
  return places.length > decimals ? undefined : BigInt(whole + places.padEnd(decimals, '0'))
}
