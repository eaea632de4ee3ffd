/** How long a value lives, and what it is tagged with: both may depend on the value. @module */
import { durationMs, MAX_DURATION_MS } from '../runtime/duration.ts'
import { keyIn } from '../wire/holdable.ts'
import { checkId, MAX_IDS } from '../wire/ids.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Windows } from '../store/entry.ts'
import { valueBytes } from '../store/weigher.ts'
import { lifetimeOf } from '../api/lifetime-options.ts'
import type { Lifetime, LoadSettings } from '../api/load-settings.ts'
import type { NamespaceSettings } from '../api/settings.ts'
import type { ShortTtl } from '../api/short-ttl.ts'
import type { Duration } from '../runtime/duration.ts'

/** Whose value it is. */
export interface Place {
  readonly namespace: string
  readonly key: string
  /** Receives the TTL as the option gave it; absent where the TTL came with a message. */
  readonly shortTtl?: ShortTtl
}

/** How long a loaded value lives, and its tags. @throws TypeError as {@link ttlOf}, {@link windowsOf} and {@link tagsOf}. */
export function loadedLifetime(
  value: unknown,
  load: LoadSettings,
  space: { place(key: string): Place },
  key: string,
  { random }: Pick<Runtime, 'random'>,
): Lifetime {
  if (load.fixed !== undefined) return load.fixed
  const place = space.place(key)
  const ttlMs = ttlOf(value, load, load.jitter === 0 ? 0 : random(), place)
  const windows = windowsOf(value, load, place)
  return { ttlMs, windows, keepMs: keepMsOf(windows ?? load), tags: tagsOf(value, load, place) }
}

/**
 * The TTL of the value in milliseconds, shortened by up to `jitter` of itself.
 * @param random in `[0, 1)`
 * @throws TypeError when `ttl` is, or returns, no duration, or throws.
 */
export function ttlOf(
  value: unknown,
  load: Pick<LoadSettings, 'ttl' | 'jitter'>,
  random: number,
  place?: Place,
): number {
  const { ttl } = load
  const said = typeof ttl === 'function' ? asked('ttl', place, () => ttl(value as never)) : ttl
  place?.shortTtl?.notice(said)
  // A function that is the last to be asked must say one: `undefined` is no duration.
  const ms =
    typeof ttl === 'function'
      ? asked('ttl', place, () => durationMs(said as Duration, 'ttl'))
      : durationMs(ttl, 'ttl')
  return load.jitter === 0 ? ms : Math.ceil(ms * (1 - load.jitter * random))
}

/** Values from elsewhere may live so long whatever the namespace's `ttl` is. */
const LEAST_MAX_TTL_MS = 86_400_000

/**
 * The TTL of a value from elsewhere: the one that its message names, but no more than the namespace's `maxTtl`. Else any
 * writer of the log says how long isolates serve a value.
 * @param said by the message, in milliseconds; `Infinity` where it leaves the TTL to the namespace
 * @throws TypeError as {@link ttlOf}
 */
export function arrivedTtlMs(
  said: number,
  value: unknown,
  { load, maxTtlMs }: Pick<NamespaceSettings, 'load' | 'maxTtlMs'>,
  place?: Place,
): number {
  const own = () => ttlOf(value, { ttl: load.ttl, jitter: 0 }, 0, place)
  if (said === Infinity) return Math.min(own(), maxTtlMs ?? Infinity)
  if (maxTtlMs !== undefined) return Math.min(said, maxTtlMs)
  if (said <= LEAST_MAX_TTL_MS) return said
  return Math.min(said, Math.max(LEAST_MAX_TTL_MS, 10 * own()), MAX_DURATION_MS)
}

/**
 * What the value says of its own windows; `undefined` where no function is asked: then each read says it.
 * @throws TypeError when a function returns no duration, or throws.
 */
export function windowsOf(
  value: unknown,
  { swrMs, staleIfErrorMs, swrOf, staleIfErrorOf }: WindowSettings,
  place?: Place,
): Windows | undefined {
  if (swrOf === undefined && staleIfErrorOf === undefined) return undefined
  const ms = (option: string, of: typeof swrOf, otherwise: number): number =>
    asked(option, place, () => {
      const said = of ? lifetimeOf(of, value as never, () => otherwise) : otherwise
      return durationMs(said as Duration, option)
    })
  return {
    swrMs: ms('swr', swrOf, swrMs),
    staleIfErrorMs: ms('staleIfError', staleIfErrorOf, staleIfErrorMs),
  }
}

type WindowSettings = Pick<LoadSettings, 'swrMs' | 'staleIfErrorMs' | 'swrOf' | 'staleIfErrorOf'>

/** How long past its TTL a value may be of use. */
export const keepMsOf = ({ swrMs, staleIfErrorMs }: Windows): number => Math.max(swrMs, staleIfErrorMs)

/**
 * The tags of the value, each once; `undefined` where it has none.
 * @throws TypeError when `tags` is, or returns, anything but tags, or throws.
 */
export function tagsOf(
  value: unknown,
  load: Pick<LoadSettings, 'tags'>,
  place?: Place,
): readonly string[] | undefined {
  const { tags } = load
  if (typeof tags === 'function') return asked('tags', place, () => checkTags(tags(value as never)))
  return tags === undefined ? undefined : checkTags(tags)
}

/**
 * What a function of the options answers.
 * @throws TypeError that names the option, the namespace and the key, with what it threw as `cause`.
 */
export function asked<R>(
  option: string,
  place: Pick<Place, 'namespace' | 'key'> | undefined,
  ask: () => R,
): R {
  if (place === undefined) return ask()
  try {
    return ask()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new TypeError(`\`${option}\` fails for the value of ${keyIn(place.namespace, place.key)}: ${why}`, {
      cause,
    })
  }
}

/** The bytes of a value: what `sizeOf` says, else an estimate. NaN where `sizeOf` says nothing of use. */
export function sizeIn(
  { sizeOf }: Pick<NamespaceSettings, 'sizeOf'>,
  place: Pick<Place, 'namespace' | 'key'>,
  value: unknown,
): number {
  return Math.max(0, sizeOf ? asked('sizeOf', place, () => sizeOf(value as never)) : valueBytes(value))
}

/** @throws TypeError when they are anything but tags, or too many. */
export function checkTags(tags: readonly string[]): readonly string[] | undefined {
  if (!Array.isArray(tags) || tags.length > MAX_IDS)
    throw new TypeError(`\`tags\` must be an array of at most ${MAX_IDS} strings`)
  for (const tag of tags as readonly string[]) checkId(tag, 'tag')
  return tags.length === 0 ? undefined : [...new Set(tags as readonly string[])]
}
