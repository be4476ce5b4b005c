/** From here on, in milliseconds, it is held against the machine: half of the shortest time limit of the matrix. */
const STANDSTILL = 250
const TICK = 20

/** Tells each time that nothing of this process ran for so long. It keeps no process alive. */
export function onStandstill(told: () => void): void {
  let lastAt = performance.now()
  setInterval(() => {
    const now = performance.now()
    if (now - lastAt > STANDSTILL) told()
    lastAt = now
  }, TICK).unref()
}
