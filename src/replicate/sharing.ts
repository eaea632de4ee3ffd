/**
 * Shares values: publishes to the updates topic what this isolate loads, sets and commits.
 *
 * @module
 */
import type { Evicted, Held, HeldValue } from '../api/feature.ts'
import { asDecoded } from '../coherence/admission.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { Position } from '../ports/kafka-log.ts'
import type { PutsMessage } from '../wire/messages.ts'
import type { WriterContext } from '../write/writer.ts'
import type { UpdatesPublisher } from './updates-publisher.ts'

type Values<T> = ReadonlyMap<string, HeldValue<T>>

export class Sharing {
  readonly #context: WriterContext
  readonly #updates: UpdatesPublisher
  readonly #shares: (namespace: string) => boolean

  constructor(context: WriterContext, updates: UpdatesPublisher, shares: (namespace: string) => boolean) {
    this.#context = context
    this.#updates = updates
    this.#shares = shares
  }

  /** The values as isolates will read them from the log. Rejects where one of them could not be written. */
  async beforeSet<T>(
    space: CoherentStore<T>,
    values: Values<T>,
    domain: string | undefined,
  ): Promise<Values<T>> {
    if (!this.#shares(space.name)) return values
    const { shared } = this.#context
    const kept = new Map(values)
    for (const [key, draft] of values)
      if (draft.ttlMs > 0) kept.set(key, { ...draft, value: asDecoded(shared, space, key, draft.value) })
    if (domain !== undefined) await this.#updates.check(this.#message(space, kept, domain))
    else
      for (const [key, draft] of kept) if (draft.ttlMs > 0) await this.#updates.checkUpdate(space, key, draft)
    return kept
  }

  afterHold<T>(space: CoherentStore<T>, all: Held<T>): void | Promise<readonly Position[]> {
    if (!this.#shares(space.name)) return undefined
    const held = all.refused === undefined ? all : { ...all, values: shareable(space, all) }
    if (held.values.size === 0) return undefined
    if (held.by === 'set') return this.#set(space, held)
    for (const [key, value] of held.values) {
      if (value.ttlMs === 0) continue
      if (held.by === 'load')
        this.#context.publisher.inBackground(held.scope, () =>
          this.#updates.update(space, key, value, held.scope),
        )
      else held.scope.waitUntil(this.#commit(space, key, value, held))
    }
  }

  async afterEvict<T>(space: CoherentStore<T>, { keys, offset, scope, signal }: Evicted): Promise<void> {
    // Awaited, so that a `set` that follows comes after it in the log, which is compacted to the last one.
    if (this.#shares(space.name)) await this.#updates.unshare(space.name, keys, offset + 1, scope, signal)
  }

  async #set<T>(
    space: CoherentStore<T>,
    { values, domain, scope, signal }: Held<T>,
  ): Promise<readonly Position[]> {
    if (domain !== undefined)
      return this.#updates.updateDomain(this.#message(space, values, domain), scope, signal)
    // Together in few calls, because they are written in one turn.
    const written = [...values].map(([key, value]) => this.#updates.update(space, key, value, scope, signal))
    return (await Promise.all(written)).flat()
  }

  /** Shares a committed value once the log shows that no other writer has written the key meanwhile. */
  async #commit<T>(
    space: CoherentStore<T>,
    key: string,
    value: Candidate<T>,
    { offset, scope }: Held<T>,
  ): Promise<void> {
    // The topic of values is compacted to the last one written: of two writers' values that must be the newer one
    // (decision 58).
    const passed = () => space.partition.position > offset!
    const knows = await this.#context.follower.reach(passed, scope)
    const stands = space.current(key)?.value === value.value && !space.pending(key)
    if (knows && stands) await this.#updates.update(space, key, value, scope)
  }

  #message<T>(space: CoherentStore<T>, values: Values<T>, domain: string): PutsMessage {
    const { settings, clock } = this.#context.shared
    const [{ asOf, loadedAt } = { asOf: 0, loadedAt: 0 }] = values.values()
    return {
      v: 1,
      op: 'puts',
      ns: space.name,
      domain,
      values: [...values].map(([key, { value, ttlMs: ttl, tags }]) => ({ key, value, ttl, tags })),
      at: settings.runtime.now() - (clock.now() - loadedAt),
      asOf,
      log: space.partition.logId,
    }
  }
}

/** What another feature does not let this isolate hold is not for others either. */
const shareable = <T>({ partition }: CoherentStore<T>, { values, refused }: Held<T>): Values<T> =>
  new Map(
    [...values].filter(
      // What is of another log must not get the name of this one.
      ([key, { generation }]) => refused?.get(key) !== 'feature' && generation === partition.generation,
    ),
  )
