/** A run: the fleet works, faults strike, then it is calm, and the checks at rest follow. @module */
import { createTierFollower } from '../../../services/sync/tier-follower.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import type { Step } from '../scenario.ts'
import type { Row } from '../trace.ts'
import { Calls } from './calls.ts'
import { Disturbances } from './disturbances.ts'
import { type Inhabitant, Seat } from './seat.ts'
import { tierOver } from './tier.ts'
import { EPOCH, placeOf } from './universe.ts'
import { longestIntentMs, SPACES } from '../features.ts'
import { EVICTIONS, UPDATES, type World } from './world.ts'

/** As the worker's cron does, in deployments whose log has no identity. */
const BEAT_EVERY_MS = 60_000
/** In a longer pause between two steps the simulated time jumps. */
const LONG_MS = 20_000
/** How long calls, writes and requests that are under way at the end may take: longer than any of their deadlines. */
const PATIENCE_MS = 240_000
/** After so many polls an isolate that has not caught up never will. */
const MAX_SYNCS = 40
/** Longer than a failure keeps other requests from polling. */
const SYNC_PAUSE_MS = 5500
/** Longer than the longest pause after failures. */
const REST_MS = 40_000
const LOOK_EVERY_MS = 500
/** Keys of a namespace that each isolate is asked for at the end. */
const USED_KEYS = 3

export class Fleet {
  readonly #world: World
  readonly #seats: readonly Seat[]
  readonly #calls: Calls
  readonly #disturbances: Disturbances

  constructor(world: World) {
    this.#world = world
    this.#seats = world.scenario.isolates.map((plan, index) => new Seat(world, index, plan))
    this.#calls = new Calls(world)
    this.#disturbances = new Disturbances(world, this.#seats, this.#calls)
  }

  async run(): Promise<void> {
    const { record, universe, scenario, trouble } = this.#world
    record.tell({ type: 'begin' })
    this.#begin()
    for (const step of scenario.steps) {
      // Time in which no client asks, and no call waits.
      if (step.at - universe.now > LONG_MS) {
        await this.#until(() => this.#isQuiet, Math.min(PATIENCE_MS, step.at - universe.now - 5000))
        universe.quiet(step.at - 5000)
      }
      if (step.at > universe.now) await universe.sleep(step.at - universe.now)
      this.#do(step)
    }
    await universe.sleep(1)
    this.#disturbances.calm()
    await this.#until(() => this.#calls.openWrites.size === 0 && this.#isQuiet, PATIENCE_MS)
    record.tell({ type: 'calm' })
    const { replicaLagMs } = scenario.world
    const settlesMs = replicaLagMs + Math.max(0, ...scenario.isolates.map(longestIntentMs))
    await this.#rest(REST_MS + settlesMs)
    await Promise.all(this.#inhabitants.map((inhabitant) => this.#sync(inhabitant)))
    // News of this moment keep values from being held for as long.
    await this.#rest(settlesMs + 1)
    // Those that follow were held back, and their polls have timed out meanwhile.
    await Promise.all(this.#inhabitants.map((inhabitant) => this.#sync(inhabitant)))
    await this.#within(Promise.all(this.#inhabitants.map((inhabitant) => this.#use(inhabitant))))
    for (const inhabitant of this.#inhabitants) await this.#look(inhabitant)
    await this.#until(() => this.#open.every((open) => open.length === 0), PATIENCE_MS)
    const [openReads = [], openWrites = []] = this.#open
    record.tell({ type: 'end', openReads, openWrites, met: Object.fromEntries(trouble.met) })
  }

  #begin(): void {
    const { log, universe, scenario } = this.#world
    const { world } = scenario
    log.createTopic(EVICTIONS, { partitions: world.evictionPartitions })
    for (const topic of [UPDATES, 'cache-requests', 'cache-writes']) log.createTopic(topic)
    for (const seat of this.#seats) seat.settle()
    if (world.tier) this.#followTier()
    const beat = (): void => {
      const text = JSON.stringify({ v: 1, op: 'beat', at: EPOCH + Math.floor(universe.now) })
      for (let partition = 0; partition < world.evictionPartitions; partition++)
        this.#world.append(EVICTIONS, text, partition)
      universe.after(BEAT_EVERY_MS, beat)
    }
    beat()
  }

  #followTier(): void {
    const { universe, trouble, tierStore, scenario } = this.#world
    const random = universe.randomOf('tier follower')
    const tier = tierOver(tierStore, universe, trouble, undefined, random, scenario.world.latencyMs)
    const follow = (): void => {
      const follower = createTierFollower({
        kafka: this.#world.connect(undefined),
        tier,
        runtime: systemRuntime({ isolatesRequests: false }),
        wait: 200 + Math.floor(random() * 1800),
        maxRecords: random() < 0.3 ? 2 : 1000,
      })
      void follower.follow({ signal: new AbortController().signal })
    }
    placeOf({ universe, life: undefined, request: undefined, background: true }).enter(follow)
  }

  #do(step: Step): void {
    if (step.do === 'fault') return this.#disturbances.begin(step)
    this.#seats[step.isolate]?.visit((inhabitant) => {
      if (step.do === 'read') this.#calls.read(inhabitant, step)
      else this.#calls.write(inhabitant, step)
    })
    return undefined
  }

  get #inhabitants(): Inhabitant[] {
    return this.#seats.flatMap(({ inhabitant }) => inhabitant ?? [])
  }

  get #open(): number[][] {
    return [this.#calls.openReads, this.#calls.openWrites].map((open) => Calls.waitedFor(open))
  }

  get #isQuiet(): boolean {
    // A frozen isolate is not waited for.
    const { openReads, openWrites } = this.#calls
    return [openReads, openWrites].every((open) => Calls.waitedFor(open, false).length === 0)
  }

  /** Waits until it is so, or for so long. */
  async #until(done: () => boolean, ms: number): Promise<void> {
    const { universe } = this.#world
    const limit = universe.now + ms
    while (!done() && universe.now < limit) await universe.sleep(LOOK_EVERY_MS)
  }

  async #within(work: Promise<unknown>): Promise<void> {
    let over = false
    void work.then(() => (over = true))
    await this.#until(() => over, PATIENCE_MS)
  }

  /** Waits out all that keeps values from being held: intents, settling, pauses after failures. */
  async #rest(ms: number): Promise<void> {
    const { universe } = this.#world
    universe.quiet(universe.now + Math.max(0, ms - 5000))
    await universe.sleep(ms)
  }

  /** Until it has caught up, which may take some polls: a poll has a deadline, and few bytes may come at once. */
  async #sync(inhabitant: Inhabitant): Promise<void> {
    for (let times = 0; times < MAX_SYNCS; times++) {
      let proved = false
      const sync = async () => void ({ proved } = await inhabitant.cache.sync())
      await this.#within(this.#in(inhabitant, sync))
      if (proved) return
      // A poll of one that follows goes on meanwhile: `sync()` waits for it.
      if (!inhabitant.seat.plan.follows) this.#world.universe.quiet(this.#world.universe.now + SYNC_PAUSE_MS)
      await this.#world.universe.sleep(SYNC_PAUSE_MS)
    }
  }

  async #use(inhabitant: Inhabitant): Promise<void> {
    for (const [space, keys] of this.#calls.keys) {
      if (space === 'sets') continue
      // Not all keys: each isolate begins with another one.
      const first = inhabitant.seat.index % keys.length
      for (const key of [...keys.slice(first), ...keys.slice(0, first)].slice(0, USED_KEYS))
        await this.#calls.readTwice(inhabitant, space, key)
    }
  }

  async #look(inhabitant: Inhabitant): Promise<void> {
    const { record } = this.#world
    const { cache, id } = inhabitant
    const look = async () => {
      await cache.sync()
      for (const space of SPACES) {
        for (const key of this.#calls.keys.get(space) ?? []) {
          const row = cache.namespace<Row>(space).peek(key)
          record.tell({ type: 'holds', isolate: id, space, key, row })
        }
      }
    }
    await this.#within(this.#in(inhabitant, look))
  }

  #in(inhabitant: Inhabitant, work: () => Promise<void>): Promise<void> {
    const { universe } = this.#world
    return new Promise((resolve) => {
      universe.at(universe.now, inhabitant.life.place, () => {
        void work().then(() => universe.after(0, resolve))
      })
    })
  }
}
