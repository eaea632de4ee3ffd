/** Evictions on their way to the viewers: so many a second, and the last ones for those who come later. @module */
import { MAX_LINES } from './state.ts'
import type { EvictionBatch, EvictionLine } from './state.ts'

export class EvictionBuffer {
  #recent: EvictionLine[] = []
  #waiting: EvictionLine[] = []
  #skipped = 0

  add(line: EvictionLine): void {
    this.#waiting.push(line)
    if (this.#waiting.length <= MAX_LINES) return
    this.#waiting.shift()
    this.#skipped++
  }

  /** What has come since the last call; `undefined` where nothing has. */
  take(): EvictionBatch | undefined {
    if (this.#waiting.length === 0) return undefined
    const batch = { lines: this.#waiting, skipped: this.#skipped }
    this.#recent = [...this.#recent, ...this.#waiting].slice(-MAX_LINES)
    this.#waiting = []
    this.#skipped = 0
    return batch
  }

  /** Those that were taken last. */
  recent(): readonly EvictionLine[] {
    return this.#recent
  }

  clear(): void {
    this.#recent = []
    this.#waiting = []
    this.#skipped = 0
  }
}
