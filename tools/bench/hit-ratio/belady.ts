/**
 * Belady's optimum: the hits of a cache that knows the future, and evicts what is asked for last.
 *
 * @module
 */

/** The hits of the trace where `size` entries are held at most. */
export function beladyHits(keys: Uint32Array, size: number): number {
  const next = nextUses(keys)
  const heap = new LatestFirst()
  /** When each held key is asked for next. */
  const held = new Map<number, number>()
  let hits = 0
  for (const [at, key] of keys.entries()) {
    if (held.has(key)) hits++
    // A key that never comes again is not worth a place.
    if (next[at] === Infinity) {
      held.delete(key)
      continue
    }
    held.set(key, next[at]!)
    heap.push(next[at]!, key)
    while (held.size > size) {
      const { use, key: latest } = heap.pop()
      // Others of this key are of times before it was asked for again.
      if (held.get(latest) === use) held.delete(latest)
    }
  }
  return hits
}

/** For each request the index of the next one of its key. */
function nextUses(keys: Uint32Array): Float64Array {
  const next = new Float64Array(keys.length)
  const last = new Map<number, number>()
  for (let at = keys.length - 1; at >= 0; at--) {
    next[at] = last.get(keys[at]!) ?? Infinity
    last.set(keys[at]!, at)
  }
  return next
}

/** A binary heap with the latest use on top. */
class LatestFirst {
  readonly #uses: number[] = []
  readonly #keys: number[] = []

  push(use: number, key: number): void {
    let at = this.#uses.length
    while (at > 0) {
      const above = (at - 1) >> 1
      if (this.#uses[above]! >= use) break
      this.#move(above, at)
      at = above
    }
    this.#uses[at] = use
    this.#keys[at] = key
  }

  /** The heap must not be empty. */
  pop(): { use: number; key: number } {
    const top = { use: this.#uses[0]!, key: this.#keys[0]! }
    const use = this.#uses.pop()!
    const key = this.#keys.pop()!
    const { length } = this.#uses
    if (length === 0) return top
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= length) break
      if (below + 1 < length && this.#uses[below + 1]! > this.#uses[below]!) below++
      if (this.#uses[below]! <= use) break
      this.#move(below, at)
      at = below
    }
    this.#uses[at] = use
    this.#keys[at] = key
    return top
  }

  #move(from: number, to: number): void {
    this.#uses[to] = this.#uses[from]!
    this.#keys[to] = this.#keys[from]!
  }
}
