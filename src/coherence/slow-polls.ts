/**
 * Slow polls: a log that answers, but later than the options allow. Which option that is, is said now and then: reads
 * do without the cache meanwhile, and nothing else tells why.
 *
 * @module
 */
import type { SlowPollOption } from '../api/events.ts'
import type { Settings } from '../api/settings.ts'

/** So many slow polls within a window are no accident: the first one of an isolate opens a consumer, and is slow. */
const NOTABLE = 3
const WINDOW_MS = 300_000

interface Window {
  since: number
  count: number
}

export class SlowPolls {
  readonly #settings: Settings
  readonly #windows = new Map<SlowPollOption, Window>()

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** A poll whose log answered has taken `durationMs`, whether it came to its end or was given up. */
  took(durationMs: number, now: number): void {
    const { pollTimeoutMs, maxStalenessMs } = this.#settings
    this.#compare('pollTimeout', durationMs, pollTimeoutMs, now)
    // With 0 no proof is young enough for the next read, however quick it was.
    if (maxStalenessMs > 0) this.#compare('maxStaleness', durationMs, maxStalenessMs, now)
  }

  #compare(option: SlowPollOption, durationMs: number, limitMs: number, now: number): void {
    if (durationMs <= limitMs) return
    let window = this.#windows.get(option)
    if (window === undefined || now - window.since >= WINDOW_MS) {
      window = { since: now, count: 0 }
      this.#windows.set(option, window)
    }
    if (++window.count !== NOTABLE) return
    this.#settings.emit?.({ type: 'proxy_too_slow', option, limitMs, durationMs })
  }
}
