/** A row at its source, whose readers can be held up after they have seen it. @module */

/** Holds up the next reader. */
export interface Gate {
  /** Resolves when a reader has seen the row and waits. */
  readonly caught: Promise<void>
  open(): void
}

export class Row {
  value = 'old'
  /** How often it was read. */
  reads = 0
  #gate: { readonly hold: () => void; readonly opened: Promise<void> } | undefined

  readonly load = async (): Promise<string> => {
    this.reads++
    const seen = this.value
    const gate = this.#gate
    this.#gate = undefined
    if (gate) {
      gate.hold()
      await gate.opened
    }
    return seen
  }

  hold(): Gate {
    const caught = deferred()
    const opened = deferred()
    this.#gate = { hold: caught.resolve, opened: opened.promise }
    return { caught: caught.promise, open: opened.resolve }
  }
}

interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function deferred(): Deferred {
  let resolve!: () => void
  const promise = new Promise<void>((onResolve) => (resolve = onResolve))
  return { promise, resolve }
}
