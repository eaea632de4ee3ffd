/**
 * The work of a service: takes keys from the queue in batches, as many at once as each namespace allows.
 *
 * Requests share plain state only; the promises belong to a {@link Shift}, and a shift to one request.
 *
 * @module
 */
import type { OpenCache } from '../../src/cache.ts'
import { UpdatesPublisher } from '../../src/replicate/updates-publisher.ts'
import type { Call } from '../../src/api/feature.ts'
import type { RequestScope } from '../../src/coherence/request-scope.ts'
import { backoffMs } from '../../src/runtime/retry.ts'
import { Semaphore } from '../../src/runtime/semaphore.ts'
import type { ManyLoader } from '../../src/api/load-types.ts'
import { Batch } from './batch.ts'
import type { DroppedReason, LoaderEvent } from './events.ts'
import type { Definition, LoaderSettings } from './options.ts'
import { Publication } from './publication.ts'
import type { Queue, Wanted } from './queue.ts'
import { TtlMap } from './ttl-map.ts'
import type { LoaderCounters } from './stats.ts'

const MAX_FAILED = 10_000
/** Failed batches in a row, after which the source gets a pause. */
const MAX_FAILURES = 2
const MAX_PAUSE_MS = 30_000
/**
 * How long an evictions poll and a publication may take in addition to a load, before its keys are free
 * again.
 */
const LEASE_MS = 35_000

export interface WorkContext {
  readonly cache: OpenCache
  readonly settings: LoaderSettings
  readonly queue: Queue
  readonly counters: LoaderCounters
  readonly emit: (event: LoaderEvent) => void
}

/** The state of one namespace. */
interface Post {
  readonly definition: Definition
  readonly call: Call<unknown>
  readonly slots: Semaphore
  readonly leaseMs: number
  failures: number
  pausedUntil: number
}

export class WorkerPool {
  readonly context: WorkContext
  readonly posts: readonly Post[]
  readonly publication: Publication
  readonly #failed: TtlMap<true>

  constructor(context: WorkContext) {
    const { cache, settings, counters } = context
    const { shared, publisher } = cache.reading
    this.context = context
    this.publication = new Publication(
      new UpdatesPublisher(shared, publisher, settings.pace),
      shared,
      counters,
    )
    this.#failed = new TtlMap(MAX_FAILED, settings.failurePauseMs)
    this.posts = settings.definitions.map((definition) => ({
      definition,
      call: callOf(definition.load),
      slots: new Semaphore(definition.concurrency, shared.settings.runtime, shared.clock),
      leaseMs: cache.parts(definition.name).space.settings.load.hardTimeoutMs + LEASE_MS,
      failures: 0,
      pausedUntil: -Infinity,
    }))
  }

  /** Why this key need not be loaded; `undefined` when it must be. */
  needless({ pausedUntil }: Post, wanted: Wanted): DroppedReason | 'answered' | undefined {
    const { cache, settings } = this.context
    const { runtime } = cache.reading.shared.settings
    const now = cache.reading.shared.clock.now()
    if (runtime.now() > wanted.deadline + settings.maxSkewMs) return 'expired'
    if (this.publication.answers(cache.parts(wanted.namespace).space, wanted)) return 'answered'
    if (now < pausedUntil || this.#failed.get(idOf(wanted), now)) return 'failing'
    return undefined
  }

  drop(wanted: Wanted, reason: DroppedReason | 'answered'): void {
    const { counters, emit } = this.context
    wanted.outcome = reason
    counters[reason === 'overflow' ? 'overflowed' : reason]++
    const { namespace, key } = wanted
    if (reason !== 'answered') emit({ type: 'request_dropped', namespace, key, reason })
  }

  /** Answers one batch, from the lookup to the publication. Rejects only by the signal. */
  async answer(
    post: Post,
    wanted: readonly Wanted[],
    scope: RequestScope,
    signal: AbortSignal,
  ): Promise<void> {
    const { cache, counters, emit } = this.context
    const { clock } = cache.reading.shared
    const { name: namespace } = post.definition
    const batch = new Batch(cache, cache.parts(namespace), post.call, scope, counters)
    const since = clock.now()
    try {
      await batch.find(wanted, signal)
      this.#judge(post, batch, wanted)
      await batch.publish(this.publication, signal)
    } catch (error) {
      signal.throwIfAborted()
      batch.failure = { error }
    }
    const failed = wanted.filter(({ outcome }) => outcome === undefined || outcome === 'failed')
    for (const each of failed) each.outcome = 'failed'
    counters.failed += failed.length
    if (failed.length > 0)
      emit({
        type: 'batch_failed',
        namespace,
        keys: failed.map(({ key }) => key),
        error: batch.failure?.error,
      })
    for (const each of wanted) if (each.outcome === 'unshareable') this.drop(each, 'unshareable')
    const said = batch.findings.filter((finding) => finding.wanted.outcome === 'answered')
    const values = said.filter(({ candidate }) => candidate).length
    const durationMs = clock.now() - since
    emit({ type: 'batch', namespace, keys: wanted.length, values, none: said.length - values, durationMs })
  }

  /** Remembers keys that failed at the source, so that the service does not load them again at once. */
  #judge(post: Post, batch: Batch, wanted: readonly Wanted[]): void {
    const { settings, cache } = this.context
    const now = cache.reading.shared.clock.now()
    if (batch.failure === undefined) {
      post.failures = 0
      return
    }
    for (const each of wanted) if (each.outcome === 'failed') this.#failed.set(idOf(each), true, now)
    if (++post.failures < MAX_FAILURES) return
    const backoff = { firstMs: settings.failurePauseMs, maxMs: MAX_PAUSE_MS }
    post.pausedUntil = now + backoffMs(backoff, post.failures - MAX_FAILURES)
  }
}

/** The work of one request, or of a process. */
export class Shift {
  readonly #work: WorkerPool
  readonly #scope: RequestScope
  readonly #signal: AbortSignal
  readonly #tasks = new Set<Promise<void>>()
  #ended = false

  constructor(work: WorkerPool, scope: RequestScope, signal: AbortSignal) {
    this.#work = work
    this.#scope = scope
    this.#signal = signal
  }

  /** Begins every batch that has keys and a free slot. */
  pump(): void {
    for (const post of this.#work.posts) while (!this.#ended && this.#begin(post));
  }

  /** Begins no further batch. */
  end(): void {
    this.#ended = true
  }

  get working(): boolean {
    return this.#tasks.size > 0
  }

  /** Resolves when one batch under way is done. */
  async next(): Promise<void> {
    await Promise.race(this.#tasks)
  }

  /** Resolves when all batches are done, also those that begin meanwhile. */
  async settled(): Promise<void> {
    while (this.working) await this.next()
  }

  /** Begins one batch. Returns whether there was a key to take and a free slot. */
  #begin(post: Post): boolean {
    const { cache, queue } = this.#work.context
    const now = cache.reading.shared.clock.now()
    const { name, maxBatch } = post.definition
    const free = post.slots.tryTake(post.leaseMs)
    if (free === undefined) return false
    const taken = queue.take(name, maxBatch, now, post.leaseMs)
    const needed: Wanted[] = []
    for (const wanted of taken) {
      const why = this.#work.needless(post, wanted)
      if (why === undefined) needed.push(wanted)
      else {
        queue.release([wanted])
        this.#work.drop(wanted, why)
      }
    }
    if (needed.length === 0) {
      free()
      return taken.length > 0
    }
    const task = this.#work
      .answer(post, needed, this.#scope, this.#signal)
      .catch(() => {
        // The signal was aborted: its owner knows why, so the reason is dropped here.
        for (const wanted of needed) wanted.outcome ??= 'failed'
      })
      .finally(() => {
        free()
        queue.release(needed)
        this.#tasks.delete(task)
        this.pump()
      })
    this.#tasks.add(task)
    return true
  }
}

const idOf = ({ namespace, key }: Wanted): string => `${namespace}/${key}`

function callOf(load: ManyLoader<unknown>): Call<unknown> {
  return async (keys, context) => {
    const loaded = await load(keys, context)
    return loaded instanceof Map ? loaded : new Map(Object.entries(loaded))
  }
}
