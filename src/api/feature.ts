/**
 * Features: what a program adds to the core of a cache, as values of `use`.
 *
 * The core asks each feature at a few moments, and knows nothing else of it. A feature that a program does not import
 * is not shipped.
 *
 * @module
 */
import type { Position } from '../ports/kafka-log.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Windows } from '../store/entry.ts'
import type { LoadManyContext } from './load-types.ts'
import type { RequestContext } from './read-types.ts'
import type { RefuseReason } from './reasons.ts'

/** Loads the keys; those that have no value are left out. */
export type Call<T> = (keys: readonly string[], context: LoadManyContext) => Promise<ReadonlyMap<string, T>>

/** A value that is held, or asks to be. Times are those of the cache's clock. */
export interface HeldValue<T> {
  readonly value: T
  /** Every eviction at an offset from here on concerns it. */
  readonly asOf: number
  /** The partition's generation when the load or the write of the value began: a value of another one is refused. */
  readonly generation: number
  /** When its load began. */
  readonly loadedAt: number
  readonly ttlMs: number
  /** How long past its TTL it may be of use. */
  readonly keepMs: number
  /** Its own, where it says so. */
  readonly windows?: Windows | undefined
  readonly tags: readonly string[] | undefined
  readonly version: number | undefined
  /** How long after an eviction a load must begin for its value to be held. */
  readonly settleMs: number
}

/** A namespace, as features see it. */
export interface FeatureNamespace {
  readonly name: string
}

/** The request that a hook is of: keeps its background work alive after the request. */
export interface FeatureScope {
  /** The trace that the request is of, where it was given. */
  readonly trace?: RequestContext['trace']
  waitUntil(work: Promise<unknown>): void
}

/** Values that have just been loaded or written, and held. */
export interface Held<T> {
  readonly values: ReadonlyMap<string, HeldValue<T>>
  /** Those that are not held here, and why: `'size'` says nothing against others' holding it. */
  readonly refused?: ReadonlyMap<string, RefuseReason>
  /** `'load'`: a loader has brought them. `'set'`: they were set. `'commit'`: `writeThrough` has committed them. */
  readonly by: 'load' | 'set' | 'commit'
  /** Where the eviction of this write stands; absent for a load. */
  readonly offset?: number | undefined
  /** The values are written whole, as one: the name that `setMany` was given for them. */
  readonly domain?: string | undefined
  readonly scope: FeatureScope
  readonly signal?: AbortSignal | undefined
}

/** Keys that this isolate has evicted by `delete`. */
export interface Evicted {
  readonly keys: readonly string[]
  /** The last offset at which their evictions stand. */
  readonly offset: number
  /** Whether the offset means something here: the log was not replaced meanwhile. */
  readonly landed: boolean
  readonly scope: FeatureScope
  readonly signal: AbortSignal | undefined
}

/** What a source of values is given. */
export interface SourceContext<T> {
  /** Ends the question: the loader was faster, or the read has ended. */
  readonly signal: AbortSignal | undefined
  /** Waits until values can be judged as held ones are: `false` where that cannot be within `pollTimeout`. Never rejects. */
  readonly proof: () => Promise<boolean>
  /**
   * Holds the value for this read and later ones, if no eviction since its as-of forbids it. Returns whether it is held. Of
   * what the value says, the fields of {@link HeldValue} count, and no others. It is not held where its generation is not
   * that of the partition now, where its as-of lies beyond the end of the log, where its load began at a time to come, and
   * where its TTL is over or has no end. Nor once its key is answered: by a source, the loader, or an eviction that was not
   * acknowledged.
   * @throws KedgeError `ERR_CODEC` for what is no data.
   */
  readonly hold: (key: string, value: HeldValue<T>) => boolean
  /** Of the request that asks. */
  readonly scope: FeatureScope
}

/** What a feature is given when the cache is made. */
export interface FeatureHost {
  readonly runtime: Runtime
  /** Reports what fails in the background, as the event `background_error`. */
  readonly failed: (error: unknown) => void
}

/**
 * What a feature does, and when. The core calls each with the feature's own `this`, in the order of `use`.
 *
 * A feature that fails ends no read and no proof: what it throws is the event `background_error`. What `beforeSet` throws,
 * and `afterHold` for values that are set, ends the write.
 *
 * A plain object with any other name in it is refused; an instance of a class may have more.
 */
export interface FeatureHooks {
  /** Whether the feature takes part in a namespace. One that throws takes part. @default in all */
  concerns?(namespace: string): boolean
  /**
   * Before a proof of freshness: reads what is to be applied right after it. The proof waits for each of the two at most half
   * of `pollTimeout`, and not at all for one that was late the last time: what is read later is applied after the next proof.
   * After twice `pollTimeout` it is given up, and left out for a second, then for twice as long each time, at most 32 seconds.
   * It is not asked while it is busy.
   *
   * @param maxAgeMs how old the bounds of the evictions may be that the poll takes; 0 where it must know what is there now
   */
  beforeProof?(signal: AbortSignal, maxAgeMs: number): Promise<() => Promise<void>>
  /**
   * A source of values beside the loader: holds what it finds by `context.hold`, after `context.proof` has resolved with
   * `true`. A read goes on as soon as each of its keys has a value, by whichever source. The loader is asked beside the
   * sources once `sourceTimeoutMs` have passed; where it fails, the read waits for them for half a second more, at most half
   * of what is left of `hardTimeout`. A read without a loader waits for them, at most `hardTimeout`.
   */
  source?<T>(namespace: FeatureNamespace, keys: readonly string[], context: SourceContext<T>): Promise<void>
  /** How long the loader waits for `source`, in milliseconds. @default 0 */
  readonly sourceTimeoutMs?: number
  /**
   * Around a load: a call that stands for `call`, where some of the keys have their values elsewhere. Without a `call` the
   * read has no loader: `undefined` where none of the keys has a value elsewhere. What the call rejects with, the read
   * rejects with.
   */
  aroundLoad?<T>(
    namespace: FeatureNamespace,
    keys: readonly string[],
    call: Call<T> | undefined,
    scope: FeatureScope,
  ): Call<T> | undefined
  /**
   * Before values are set, and their keys evicted: the values as they will be held, a `Map` of none but the given keys. What it
   * throws ends the write; `signal` ends the wait for it.
   */
  beforeSet?<T>(
    namespace: FeatureNamespace,
    values: ReadonlyMap<string, HeldValue<T>>,
    domain: string | undefined,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, HeldValue<T>>>
  /** After values were held. A write waits for it, and its token names the positions that it returns; a load does not. */
  afterHold?<T>(namespace: FeatureNamespace, held: Held<T>): void | Promise<readonly Position[]>
  /** After a `delete` without a version was acknowledged. The `delete` waits for it, and resolves even where it fails. */
  afterEvict?(namespace: FeatureNamespace, evicted: Evicted): void | Promise<void>
  /** Whether a value may be held; one that may not be, or for which it throws, is returned all the same. @default `true` */
  mayHold?(namespace: FeatureNamespace, key: string, value: unknown): boolean
  /** When the cache is closed; `close` of the cache waits for it, and rejects with what it rejects with. */
  close?(): void | Promise<void>
}

/**
 * A feature of a cache: a value of `use`.
 *
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import type { Feature } from 'kedge'
 * import { memory } from 'kedge/testing'
 *
 * const noSecrets: Feature = {
 *   name: 'noSecrets',
 *   open: () => ({ mayHold: (_namespace, key) => !key.startsWith('secret:') }),
 * }
 * createCache({ kafka: memory(), use: [noSecrets] })
 * ```
 */
export interface Feature {
  /** Told in errors. A cache takes one feature of a name. */
  readonly name: string
  /** Called once for each cache that uses it. */
  open(host: FeatureHost): FeatureHooks
}
