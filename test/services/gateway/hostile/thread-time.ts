/**
 * How long the thread of the event loop computes without looking at its timers: the delay that others would see on a
 * machine that has nothing else to do. In processor time, since a busy machine adds its own (decision 96).
 *
 * @module
 */

const LOOK_MS = 10

/** Begins to look. What is taken is forgotten. */
export function atEachLook(): { taken(): { readonly busyP99Ms: number; readonly busyMaxMs: number } } {
  let spans: number[] = []
  let before = threadMs()
  setInterval(() => {
    const now = threadMs()
    spans.push(now - before)
    before = now
  }, LOOK_MS).unref()
  return {
    taken: () => {
      const ascending = [...spans].sort((a, b) => a - b)
      spans = []
      return {
        busyP99Ms: ascending[Math.floor(ascending.length * 0.99)] ?? 0,
        busyMaxMs: ascending.at(-1) ?? 0,
      }
    },
  }
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
