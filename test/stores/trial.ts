/** One store under trial: its syncs, its faults, and the reader that looks at it meanwhile. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../../services/gateway/index.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { StoreChecker } from './checker.ts'
import type { Loss } from './sightings.ts'
import { plan, type Step } from './plan.ts'
import type { Fault, Store } from './store.ts'
import { Syncs } from './syncs.ts'
import { endsOf, STORE_KEYS, STREAM, TopicReader } from './topic.ts'

export interface TrialOptions {
  readonly cluster: Cluster
  readonly bootstrap: string
  /** The topic of its dead letters. */
  readonly letters: string
  readonly freezeMs: number
}

type Positions = ReadonlyMap<number, number>

const LOOK_PAUSE_MS = 25
const KEYS_A_LOOK = 16
/** Beside the stops: pauses between attempts grow with them. */
const REST_MS = 60_000

export class Trial {
  readonly store: Store
  readonly checker: StoreChecker
  /** How often each fault struck. */
  readonly hits = new Map<string, number>()
  readonly #options: TrialOptions
  readonly #syncs: Syncs
  readonly #faults: Readonly<Record<string, Fault>>
  readonly #letters: TopicReader
  readonly #places: { partition: number; offset: number }[] = []
  /** Losses that are not made good, and where the topic ended after them. */
  #open: { loss: Loss; ends: Positions }[] = []

  constructor(store: Store, options: TrialOptions) {
    this.store = store
    this.#options = options
    const { cluster, bootstrap, letters } = options
    // A call that is carried out when the store goes on, or by the end of its time.
    this.checker = new StoreChecker({
      outlivesMs: 12_000,
      earlyMs: store.earlyMs,
      // The sync that wrote it may have been stopped before it took it back.
      flickersMs: store.flickers ? 1000 : 0,
    })
    this.#syncs = new Syncs([store.url, bootstrap, letters])
    this.#faults = { ...store.faults, ...this.#syncs.faults }
    for (const name of Object.keys(this.#faults)) this.hits.set(name, 0)
    this.#letters = new TopicReader(cluster, letters, 1)
  }

  begin(): Promise<void> {
    return this.#syncs.start()
  }

  async end(): Promise<void> {
    await this.#syncs.stop()
    await this.store.stop()
  }

  /** What strikes it: of the syncs and of the store one at a time. */
  plan(rounds: number, seed: number): Step<string>[] {
    const isSync = (name: string) => (name in this.#syncs.faults ? 'sync' : 'store')
    const faults = Object.fromEntries(Object.keys(this.#faults).map((name) => [name, isSync(name)]))
    return plan(faults, rounds, seed)
  }

  /** Faults one after the other, some of them at once. */
  async struck(steps: readonly Step<string>[]): Promise<void> {
    for (const { names, calmMs, seed: own } of steps) {
      await sleep(calmMs)
      await Promise.all(names.map((name, n) => this.#strike(name, own + n)))
    }
  }

  async #strike(name: string, seed: number): Promise<void> {
    this.hits.set(name, this.hits.get(name)! + 1)
    const stood = (ms: number) => this.checker.stood(ms)
    const { freezeMs } = this.#options
    const loss = await this.#faults[name]!({ random: seededRandom(seed), freezeMs, stood })
    if (loss) await this.#loses(loss)
  }

  async #loses(loss: Loss): Promise<void> {
    if (this.store.spread) loss.until = Infinity
    this.checker.loses(loss)
    if (this.store.spread) this.#open.push({ loss, ends: await this.#ends() })
  }

  /** Where the topic ends now; asks until Kafka answers. */
  async #ends(): Promise<Positions> {
    for (;;) {
      try {
        return await endsOf(this.#options.cluster)
      } catch {
        await sleep(100)
      }
    }
  }

  /** Looks at some keys again and again. */
  async looksOn(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#looksOn(signal, true), this.#looksOn(signal, false)])
  }

  async #looksOn(signal: AbortSignal, atPositions: boolean): Promise<void> {
    const random = seededRandom(1)
    while (!signal.aborted) {
      // Few keys are written often, and many seldom: the reader looks at both.
      const keys = new Set(
        Array.from({ length: KEYS_A_LOOK }, (_, at) => {
          const place = at % 2 === 0 ? random() : random() ** 2
          return STORE_KEYS[Math.floor(place * STORE_KEYS.length)]!
        }),
      )
      await this.#look([...keys], atPositions).catch(() => undefined)
      await sleep(LOOK_PAUSE_MS)
    }
  }

  /** @param atPositions whether the store is asked for its positions before: that takes longer */
  async #look(keys: readonly string[], atPositions: boolean): Promise<Positions | undefined> {
    const began = Date.now()
    const positions = atPositions ? (await this.store.state(STREAM))?.positions : undefined
    const values = await this.store.read(keys)
    const ended = Date.now()
    this.checker.sees({ began, ended, positions, values: new Map(keys.map((key, at) => [key, values[at]])) })
    if (positions) {
      this.#open = this.#open.filter(({ loss, ends }) => {
        const good = began >= loss.to && reaches(positions, ends)
        if (good) loss.until = ended
        return !good
      })
    }
    return positions
  }

  /** Waits until the store says that it holds everything, and compares it key by key. */
  async rests(ends: Positions): Promise<void> {
    const deadline = Date.now() + REST_MS + 3 * this.#options.freezeMs
    for (;;) {
      const positions = await this.#look([], true).catch(() => undefined)
      if (positions && reaches(positions, ends)) break
      if (Date.now() > deadline) {
        this.checker.isRestless(`${JSON.stringify([...(positions ?? [])])} of ${JSON.stringify([...ends])}`)
        return
      }
      await sleep(50)
    }
    this.checker.judges()
    const began = Date.now()
    const held = await this.store.held()
    this.checker.rests(began, Date.now(), held)
    await this.#readLetters(this.#syncs.lost)
  }

  async rehydrates(ends: Positions): Promise<void> {
    await this.#syncs.stop()
    const from = Date.now()
    await this.store.wipe()
    await this.#loses({ from, to: Date.now() })
    await this.#syncs.start()
    await this.rests(ends)
    await this.#readLetters(0)
  }

  async #readLetters(forgiven: number): Promise<void> {
    for await (const { value } of this.#letters.read())
      this.#places.push(JSON.parse(value!) as { partition: number; offset: number })
    this.checker.letters(this.#places, forgiven)
  }

  report(): string {
    const { count, violated } = this.checker
    const list = (counts: ReadonlyMap<string, number>) =>
      [...counts].map(([name, times]) => `${name}: ${times}`).join(', ')
    return (
      `${this.store.name}: ${count.records} records (${count.unusable} unusable), ${count.looks} looks, ` +
      `${count.seen} values (${count.absent} absent), ${count.claims} claims, ${count.rests} rests, ${count.flickers} flickers, ${count.crossed} crossed, ` +
      `${this.#syncs.lost} letters given up, ${violated} violations\n` +
      `  struck: ${list(this.hits)}\n  began: ${list(this.#syncs.began)}`
    )
  }
}

const reaches = (positions: Positions, ends: Positions): boolean =>
  [...ends].every(([partition, end]) => (positions.get(partition) ?? 0) >= end)
