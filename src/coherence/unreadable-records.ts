/**
 * Records of one partition that cannot be read. Each may evict anything, so it evicts everything; but garbage that goes on
 * must not keep the cache empty. Once everything was dropped, a poll that meets another such record within a second stops
 * before it: it moves the position no further and proves nothing, as if it had not been asked. What is held is served only
 * as long as the last proof allows, which is older than that record. So `maxStaleness` holds, and everything is dropped once
 * a second at most.
 *
 * @module
 */
import type { Freshness } from '../api/cache-types.ts'
import type { Settings } from '../api/settings.ts'
import type { Clock } from '../runtime/clock.ts'

/** For how long after a drop the next one waits. */
const PAUSE_MS = 1000
/** Garbage lasts until none has been met for so long. */
const CALM_MS = 60_000

export class UnreadableRecords {
  #droppedAt = -Infinity
  #metAt = -Infinity
  #records = 0
  /** Which poll has stopped before one last. */
  #stoppedBy = -1
  #resumesAt = -Infinity

  /**
   * Whether a poll stops before such a record.
   *
   * @param freshAt when the poll began that has proved the partition last
   */
  stops(poll: number, now: number, freshAt: number, maxStalenessMs: number): boolean {
    const until = Math.min(this.#droppedAt + PAUSE_MS, freshAt + maxStalenessMs)
    if (!(now < until)) return false
    this.#stoppedBy = Math.max(this.#stoppedBy, poll)
    this.#resumesAt = until
    return true
  }

  /** Everything is dropped for one. */
  drops(now: number): void {
    this.#records = now - this.#metAt < CALM_MS ? this.#records + 1 : 1
    this.#metAt = now
    this.#droppedAt = now
  }

  /** How long no poll is due but one that a read needs. */
  waitMs(now: number): number {
    return Math.max(0, this.#resumesAt - now)
  }

  /** Whether the log has answered this poll or a later one, and such a record kept it from a proof. */
  hasStopped(poll: number): boolean {
    return this.#stoppedBy >= poll
  }

  /** How many there were since it began, and how long ago the last was met; `undefined` where it is over. */
  lasting(now: number): Freshness['unreadable'] {
    const agoMs = now - this.#metAt
    return agoMs < CALM_MS ? { records: this.#records, agoMs } : undefined
  }
}

interface HasUnreadable {
  readonly unreadable: UnreadableRecords
}

/** How long polls wait for the partition that waits longest. */
export const longestWaitMs = (partitions: Iterable<HasUnreadable>, now: number): number =>
  Math.max(0, ...[...partitions].map(({ unreadable }) => unreadable.waitMs(now)))

/**
 * Waits for the end of the pause of polls, a second at most, that has kept a poll from proving one of the partitions.
 * Resolves with whether it has: `false` where there is none, or where it ends after `until`.
 *
 * @param poll the number of the first poll that may have been kept from it
 */
export async function pauseEnds(
  partitions: Iterable<HasUnreadable>,
  poll: number,
  { clock, settings }: { readonly clock: Clock; readonly settings: Settings },
  until: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const stopped = [...partitions].filter(({ unreadable }) => unreadable.hasStopped(poll))
  const now = clock.now()
  const waitMs = longestWaitMs(stopped, now)
  if (waitMs === 0 || now + waitMs > until) return false
  await settings.runtime.sleep(waitMs, signal)
  return true
}

/** What lasts of all partitions, as `freshness()` returns it. */
export function lastingIn(partitions: Iterable<HasUnreadable>, now: number): Pick<Freshness, 'unreadable'> {
  const lasting = [...partitions].flatMap(({ unreadable }) => unreadable.lasting(now) ?? [])
  if (lasting.length === 0) return {}
  const records = lasting.reduce((sum, each) => sum + each.records, 0)
  return { unreadable: { records, agoMs: Math.min(...lasting.map(({ agoMs }) => agoMs)) } }
}
