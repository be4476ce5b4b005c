/** `64KiB`: the largest unit that divides it. */
export function formatSize(bytes: number): string {
  const units = [
    ['GiB', 1_073_741_824],
    ['MiB', 1_048_576],
    ['KiB', 1_024],
  ] as const
  const unit = units.find(([, factor]) => bytes > 0 && bytes % factor === 0)
  return unit === undefined ? `${bytes}B` : `${bytes / unit[1]}${unit[0]}`
}
