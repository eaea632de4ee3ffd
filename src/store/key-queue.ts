/**
 * Keys in the order in which they came. Kept in pieces: a queue of any length has few unused slots, and none is ever copied.
 *
 * @module
 */
const PIECE = 128

interface Piece {
  readonly keys: string[]
  next: Piece | undefined
}

const newPiece = (): Piece => ({ keys: [], next: undefined })

export class KeyQueue {
  length = 0
  #first: Piece = newPiece()
  #last: Piece = this.#first
  /** Where in the first piece the queue begins. */
  #from = 0

  push(key: string): void {
    if (this.#last.keys.length === PIECE) {
      this.#last.next = newPiece()
      this.#last = this.#last.next
    }
    this.#last.keys.push(key)
    this.length++
  }

  /** The first key, which leaves the queue. The queue must not be empty. */
  shift(): string {
    if (this.#from === PIECE) {
      this.#first = this.#first.next!
      this.#from = 0
    }
    const { keys } = this.#first
    const key = keys[this.#from]!
    // The slot must not keep a key alive that is nowhere else.
    keys[this.#from++] = ''
    this.length--
    return key
  }
}
