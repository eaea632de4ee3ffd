/** Waiting for what a test expects to come about, never for time to pass. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Long enough for two slow cores under load. Only a test that fails waits this long. */
export const PATIENCE_MS = 15_000
const PAUSE_MS = 10

/**
 * Looks until there is something: anything but `false` and `undefined`.
 * @throws Error naming what was waited for.
 */
export async function until<T>(
  look: () => T | false | undefined | Promise<T | false | undefined>,
  what: string,
  withinMs: number = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== false && found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`${what}: did not come about within ${withinMs} ms`)
    await sleep(PAUSE_MS)
  }
}
