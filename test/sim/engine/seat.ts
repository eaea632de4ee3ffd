/**
 * A place for an isolate: one life after the other, each with an empty cache, made as a user of the product makes it.
 *
 * @module
 */
import { createCache } from '../../../src/cache.ts'
import type { KedgeEvent } from '../../../src/api/events.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import type { Cache, CacheStats } from '../../../src/api/cache-types.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import { writeIntents } from '../../../src/write-paths/index.ts'
import type { Feature } from '../../../src/api/feature.ts'
import { SPACES } from '../features.ts'
import type { FeatureName, IsolatePlan } from '../scenario.ts'
import type { Row } from '../trace.ts'
import { Life } from './life.ts'
import { codeOf, toldPort } from './port.ts'
import type { Random } from './random.ts'
import { tagsOf } from './source.ts'
import { tierOver } from './tier.ts'
import { placeOf } from './universe.ts'
import type { World } from './world.ts'

/** How long the place of one that was killed stays empty, at most. */
const MAX_GAP_MS = 1500

export class Inhabitant {
  readonly id: number
  readonly life: Life
  readonly seat: Seat
  cache!: Cache
  #said: string | undefined

  constructor(seat: Seat, id: number) {
    const { world, plan, index } = seat
    this.id = id
    this.seat = seat
    this.life = new Life({
      universe: world.universe,
      name: `isolate ${id === index ? '' : world.next(`lives ${index}`)} ${index}`,
      skewMs: plan.skewMs,
      isolatesRequests: plan.isolatesRequests,
      onHidden: (since, ms) => world.record.tell({ type: 'hidden_step', isolate: id, since, ms }),
      onDeath: () => {
        world.record.tell({ type: 'killed', isolate: id })
        seat.empty()
      },
      onSettled: () => this.#state(),
    })
    world.seats.set(this.life, index)
    world.record.tell({ type: 'isolate', isolate: id, seat: index, plan })
    this.life.place.enter(() => this.#begin())
    this.life.starting = false
  }

  #begin(): void {
    const { world, plan } = this.seat
    const kafka = world.connect(this.seat.index)
    const { world: shared } = world.scenario
    const tell = world.record.of(this.life)
    const cache = createCache({
      kafka: toldPort(kafka, this.id, this.life, world.record, () => world.next('calls')),
      runtime: systemRuntime({ isolatesRequests: plan.isolatesRequests }),
      evictionPartitions: shared.evictionPartitions,
      ...(kafka.capabilities.readCommitted ? {} : { updatesIsolation: 'uncommitted' as const }),
      maxEntries: plan.maxEntries,
      maxBytes: plan.maxBytes,
      maxStaleness: shared.maxStalenessMs,
      ...(shared.tail && { refreshAfter: Math.floor(shared.maxStalenessMs * shared.tail.refreshPart) }),
      pollTimeout: plan.pollTimeoutMs,
      onUnreachable: plan.onUnreachable,
      maxOutage: plan.maxOutageMs,
      maxCatchUpRecords: plan.maxCatchUpRecords,
      maxPollBytes: plan.maxPollBytes,
      maxRememberedEvictions: plan.maxRememberedEvictions,
      settle: shared.replicaLagMs,
      announceExpiry: plan.announceExpiry,
      hardTimeout: plan.hardTimeoutMs,
      gzipAboveBytes: plan.gzipAboveBytes,
      ttl: shared.ttlMs,
      swr: plan.swrMs,
      staleIfError: plan.staleIfErrorMs,
      use: this.#features(),
      onEvent: (event) => tell({ type: 'says', isolate: this.id, event: plain(event) }),
    })
    this.cache = cache
    for (const space of SPACES) {
      cache.namespace<Row>(space, {
        tags: tagsOf,
        ...(plan.timeoutMs === undefined ? {} : { timeout: plan.timeoutMs }),
        without: plan.without[space] ?? [],
      })
    }
    if (plan.follows) {
      const { universe } = world
      const place = placeOf({ universe, life: this.life, request: undefined, background: true })
      place.enter(() => void cache.follow({ signal: new AbortController().signal }))
    }
  }

  #features(): Feature[] {
    const { world, plan } = this.seat
    const { intentsMs, lookBack, follow, share } = plan
    const of = (name: FeatureName) => {
      const namespaces = plan.namespaces[name]
      return namespaces === undefined ? {} : { namespaces }
    }
    const made: Readonly<Record<FeatureName, () => Feature>> = {
      sharedTier: () => sharedTier(this.#tier(), { lookBack, ...of('sharedTier') }),
      replicate: () => replicate({ follow, share: share && (of('replicate').namespaces ?? true) }),
      // As long for each: by a function, that it asks once for each namespace.
      writeIntents: () => writeIntents({ max: () => intentsMs, lookBack, ...of('writeIntents') }),
    }
    return plan.use.flatMap((name) =>
      name === 'sharedTier' && !world.scenario.world.tier ? [] : made[name](),
    )
  }

  #tier() {
    const { world, index } = this.seat
    const { universe, trouble } = world
    const random = universe.randomOf(`tier ${index}`)
    return tierOver(world.tierStore, universe, trouble, index, random, world.scenario.world.latencyMs)
  }

  /** Records what it holds, where that has changed. */
  #state(): void {
    const stats = this.#observed(() => this.cache.stats())
    const said = `${stats.entries} ${stats.bytes} ${stats.polls} ${stats.pollFailures} ${stats.reanchors} ${stats.unverified} ${stats.evictionsApplied}`
    if (said === this.#said) return
    this.#said = said
    this.tellState(stats)
  }

  tellState({ entries, bytes, unverified }: CacheStats): void {
    const { proved, ageMs, lag } = this.#observed(() => this.cache.freshness())
    const age = Number.isFinite(ageMs) ? ageMs : null
    const { record } = this.seat.world
    record.tell({ type: 'state', isolate: this.id, entries, bytes, proved, ageMs: age, lag, unverified })
  }

  #observed<T>(look: () => T): T {
    this.life.observed = true
    try {
      return this.life.place.enter(look)
    } finally {
      this.life.observed = false
    }
  }
}

export class Seat {
  readonly world: World
  readonly index: number
  readonly plan: IsolatePlan
  readonly #random: Random
  #inhabitant: Inhabitant | undefined
  #waiting: ((inhabitant: Inhabitant) => void)[] = []

  constructor(world: World, index: number, plan: IsolatePlan) {
    this.world = world
    this.index = index
    this.plan = plan
    this.#random = world.universe.randomOf(`seat ${index}`)
  }

  get inhabitant(): Inhabitant | undefined {
    return this.#inhabitant
  }

  settle(): void {
    if (this.#inhabitant) return
    const inhabitant = new Inhabitant(this, this.world.next('isolates') - 1)
    if (!inhabitant.life.alive) return
    this.#inhabitant = inhabitant
    const waiting = this.#waiting
    this.#waiting = []
    for (const each of waiting) each(inhabitant)
  }

  /** The isolate of this seat has ended: soon another one takes it. */
  empty(): void {
    this.#inhabitant = undefined
    this.world.universe.after(this.#random() ** 2 * MAX_GAP_MS, () => this.settle())
  }

  /** Runs it with the isolate of this seat, now or the next one. */
  visit(task: (inhabitant: Inhabitant) => void): void {
    if (this.#inhabitant) task(this.#inhabitant)
    else this.#waiting.push(task)
  }
}

/** An event as plain JSON: errors in it are their codes. */
function plain(event: KedgeEvent): KedgeEvent {
  if (!('error' in event) || event.error === undefined) return event
  return { ...event, error: codeOf(event.error) }
}
