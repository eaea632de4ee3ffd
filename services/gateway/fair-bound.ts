/**
 * A bound of which no client takes all: a client may have at most a share of what the others leave, so that there is
 * always room for one more. (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
 * switches", 1998, bound the queues of a switch in this way.)
 *
 * @module
 */

export class FairBound {
  readonly #max: number
  readonly #share: number
  readonly #byClient = new Map<string, number>()
  #total = 0

  /** @param percent what a client may have of what the others leave; at 100 one client may take all */
  constructor(max: number, percent: number) {
    this.#max = max
    this.#share = percent / 100
  }

  /**
   * Takes so much for a client, or nothing. What is alone may be of any size, and the only thing of its client may take
   * all that the others leave.
   *
   * @param before what the same thing, such as a body that goes on, has taken before
   */
  take(client: string | undefined, amount: number, before = 0): boolean {
    const own = client === undefined ? 0 : (this.#byClient.get(client) ?? 0)
    if (this.#total > before) {
      const left = this.#max - (this.#total - own)
      const most = client === undefined || own === before ? left : Math.ceil(left * this.#share)
      if (own + amount > most) return false
    }
    this.#total += amount
    if (client !== undefined) this.#byClient.set(client, own + amount)
    return true
  }

  /** Gives back what was taken. */
  give(client: string | undefined, amount: number): void {
    this.#total -= amount
    if (client === undefined) return
    const left = (this.#byClient.get(client) ?? 0) - amount
    if (left > 0) this.#byClient.set(client, left)
    else this.#byClient.delete(client)
  }
}
