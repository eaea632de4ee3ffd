/** What is going to happen, in its order: by time, then in the order of arrival. @module */

export interface Queued {
  readonly at: number
  readonly turn: number
}

/** A binary heap. */
export class Queue<T extends Queued> {
  readonly #heap: T[] = []

  get size(): number {
    return this.#heap.length
  }

  get first(): T | undefined {
    return this.#heap[0]
  }

  push(item: T): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]!
      if (!isBefore(item, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = item
  }

  pop(): T | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

const isBefore = (one: Queued, other: Queued): boolean =>
  one.at < other.at || (one.at === other.at && one.turn < other.turn)
