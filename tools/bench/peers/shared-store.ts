/**
 * A store that processes share, with as much of the commands of Redis as `async-cache-dedupe` uses, and clients that
 * wait while they are cut off, as Redis' usual clients do.
 *
 * @module
 */
import type { Link } from './subject.ts'

type Command = readonly [name: string, key: string, argument?: unknown]

export class SharedStore {
  readonly values = new Map<string, string>()
  readonly sets = new Map<string, Set<string>>()

  connect(): StoreClient {
    return new StoreClient(this)
  }
}

export class StoreClient implements Link {
  readonly lost = 0
  readonly #store: SharedStore
  #connected = true
  readonly #waiting: (() => void)[] = []

  constructor(store: SharedStore) {
    this.#store = store
  }

  async get(key: string): Promise<string | null> {
    await this.#connection()
    return this.#store.values.get(key) ?? null
  }

  async set(key: string, value: string): Promise<'OK'> {
    await this.#connection()
    this.#store.values.set(key, value)
    return 'OK'
  }

  async del(key: string): Promise<number> {
    await this.#connection()
    return this.#apply(['del', key]) as number
  }

  async smembers(key: string): Promise<string[]> {
    await this.#connection()
    return this.#apply(['smembers', key]) as string[]
  }

  pipeline(commands: readonly Command[]): { exec(): Promise<[null, unknown][]> } {
    const exec = async (): Promise<[null, unknown][]> => {
      await this.#connection()
      return commands.map((command) => [null, this.#apply(command)])
    }
    return { exec }
  }

  /** There are no messages that could be lost. */
  loseNext(): void {}

  cut(): void {
    this.#connected = false
  }

  restore(): void {
    this.#connected = true
    for (const go of this.#waiting.splice(0)) go()
  }

  async #connection(): Promise<void> {
    if (this.#connected) await Promise.resolve()
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #apply([name, key, argument]: Command): unknown {
    const { values, sets } = this.#store
    switch (name) {
      case 'del':
        return Number(values.delete(key)) + Number(sets.delete(key))
      case 'smembers':
        return [...(sets.get(key) ?? [])]
      case 'sadd': {
        const members = sets.get(key) ?? new Set<string>()
        for (const each of [argument].flat()) members.add(String(each))
        sets.set(key, members)
        return members.size
      }
      case 'srem':
        for (const each of [argument].flat()) sets.get(key)?.delete(String(each))
        return 1
      // Nothing lives so long here that it would expire.
      case 'expire':
        return 1
      default:
        throw new Error(`the store has no ${name}`)
    }
  }
}
