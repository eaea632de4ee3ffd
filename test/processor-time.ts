/**
 * How long processes have computed. A limit in processor time ends what computes for ever, and nothing that only waits for
 * its turn on a slow machine (decision 96).
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Milliseconds since the clock was made. */
export type Clock = () => number

/** The length of a tick in `/proc/<pid>/stat`: `USER_HZ` is 100 on every Linux that Node runs on (time(7)). */
const TICK_MS = 10
/** Where there is no `/proc` a wall clock stands for it, and goes this much slower. */
const SLOWER = 10

/** A clock of one process. */
export const processClock = (pid: number): Clock => clock(() => ticksOf(statOf(pid)))

/** A clock of all processes of a group. */
export const groupClock = (group: number): Clock =>
  clock(() => {
    let sum = 0
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue
      const stat = statOf(Number(name))
      if (Number(stat[GROUP]) === group) sum += ticksOf(stat)
    }
    return sum
  })

function clock(ticks: () => number): Clock {
  if (!existsSync('/proc/self/stat')) {
    const since = performance.now()
    return () => (performance.now() - since) / SLOWER
  }
  const before = ticks()
  return () => (ticks() - before) * TICK_MS
}

// Fields of `/proc/<pid>/stat` (proc(5), which counts from 1), from the third on: the second, the name, may hold spaces.
const GROUP = 5 - 3
/** Of the process in user and kernel mode, then of its children that have ended. */
const TIMES = [14, 15, 16, 17].map((field) => field - 3)

/** Empty where the process has ended. */
function statOf(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

const ticksOf = (stat: readonly string[]): number =>
  TIMES.reduce((sum, field) => sum + Number(stat[field] ?? 0), 0)

/** How often the clock is read. */
const LOOK_MS = 1000
/** A process that only waits is ended after this many times its limit: nothing else would end it. */
const WAITS = 20

/** Which limit was passed: of computing, or of waiting. */
export type Late = 'computes' | 'waits'

/** Calls `late` once when the clock has passed `maxMs`, or nothing was computed for long. Returns what ends the watch. */
export function watch(computed: Clock, maxMs: number, late: (why: Late) => void): () => void {
  const since = performance.now()
  const timer = setInterval(() => {
    const why =
      computed() >= maxMs ? 'computes' : performance.now() - since >= maxMs * WAITS ? 'waits' : undefined
    if (why === undefined) return
    clearInterval(timer)
    late(why)
  }, LOOK_MS)
  return () => clearInterval(timer)
}
