/** A store that may fall silent: it answers calls from then when it goes on. @module */

export class Silence {
  #gate: Promise<void> | undefined
  #open = (): void => undefined

  pause(): void {
    this.#gate ??= new Promise((resolve) => (this.#open = resolve))
  }

  resume(): void {
    this.#open()
    this.#gate = undefined
  }

  async over(): Promise<void> {
    await this.#gate
  }
}
