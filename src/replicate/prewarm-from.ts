/**
 * Prewarming from a neighbour: an isolate that has just started takes over what another process holds.
 *
 * @module
 */
import type { Cache } from '../api/cache-types.ts'
import { must } from '../api/must.ts'
import { checkFeatureOptions } from '../api/option-check.ts'
import type { OptionTest } from '../api/option-check.ts'
import {
  callback,
  count,
  duration as durationOption,
  signal as signalOption,
  texts,
} from '../api/option-tests.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import { KedgeError } from '../ports/errors.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { durationMs } from '../runtime/duration.ts'
import type { Duration } from '../runtime/duration.ts'
import { partsOfCache } from '../write/cache-parts.ts'
import type { CacheParts } from '../write/cache-parts.ts'
import { applyLine } from './dump/dump-applier.ts'
import { askDump } from './dump/dump-request.ts'
import type { DumpFetch, Neighbour } from './dump/dump-request.ts'

/** The options of `prewarmFrom()`. */
export interface PrewarmFromOptions {
  /** Where the neighbour is: `kedge serve`, or any app of `createApp`: `'http://10.0.0.7:8080'`. */
  readonly url: string
  /** A bearer token that may read there. @default none */
  readonly token?: string
  /** The namespaces to fill. @default all that were declared, but those `without: ['replicate']` */
  readonly namespaces?: readonly string[]
  /** Values that are taken over at most. @default 100_000 */
  readonly maxValues?: number
  /** Bytes that are read at most; those of one namespace are in memory at once. @default 32_000_000 */
  readonly maxBytes?: number
  /** How long it may take. @default '5s' */
  readonly budget?: Duration
  readonly signal?: AbortSignal
  /** @default the platform's own */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
}

/** What `prewarmFrom()` has found. */
export interface PrewarmFromResult {
  /** Values that were read. */
  readonly values: number
  /** Those that are held now. */
  readonly applied: number
  /** Those that are not: an eviction has met them, or may have, their time is over, or they could not be read. */
  readonly refused: number
  readonly bytes: number
  /** Whether all that the neighbour may tell of the namespaces was read, and judged. */
  readonly complete: boolean
  /** What ended it before that. */
  readonly error?: unknown
}

type Counts = { -readonly [name in keyof PrewarmFromResult]: PrewarmFromResult[name] }

const DEFAULTS = { maxValues: 100_000, maxBytes: 32_000_000, budget: '5s' } as const
/** Lines that are judged in one turn of the event loop: each takes some microseconds. */
const LINES_A_TURN = 128
const TOKEN = /^[\x21-\x7e]{1,4096}$/

const required = (test: OptionTest): OptionTest =>
  Object.assign((value: unknown) => test(value), { required: true } as const)

const url: OptionTest = (value) =>
  baseOf(value) === undefined
    ? "must be an http(s) address without credentials, query or fragment, such as 'http://10.0.0.7:8080'"
    : undefined

function baseOf(value: unknown): string | undefined {
  try {
    const { protocol, username, password, search, hash, href } = new URL(value as string)
    if (!/^https?:$/.test(protocol) || username + password + search + hash !== '') return undefined
    return href.replace(/\/+$/, '')
  } catch {
    return undefined
  }
}

/**
 * Fills a cache from a process that holds values already, by `GET /cache/{namespace}/dump` of its HTTP interface. Never
 * blocks reads.
 *
 * Each value is judged as one from the updates topic or a shared tier is: it is held only if every eviction since its as-of is
 * known here or to the neighbour, and none has met it. What is evicted while the dump is under way is not served from it.
 * Nothing is held where freshness cannot be proved. What goes wrong is in the result, and an event `background_error`.
 *
 * @throws TypeError quoting the option that is wrong, or a namespace that was not declared.
 * @throws KedgeError `ERR_CLOSED`; the reason of `signal`
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { prewarmFrom } from 'kedge/replicate'
 *
 * const cache = createCache({ kafka: gateway({ url: 'http://localhost:8082' }) })
 * cache.namespace('users')
 * const { applied, complete } = await prewarmFrom(cache, { url: 'http://10.0.0.7:8080', budget: '5s' })
 * console.log(`${applied} values, ${complete ? 'all' : 'not all'} of them`)
 * ```
 */
export async function prewarmFrom(cache: Cache, options: PrewarmFromOptions): Promise<PrewarmFromResult> {
  const token: OptionTest = (value) => (TOKEN.test(String(value)) ? undefined : 'must be a bearer token')
  const known = {
    url: required(url),
    token,
    namespaces: texts,
    maxValues: count,
    maxBytes: count,
    budget: durationOption,
    signal: signalOption,
    fetch: callback,
  }
  checkFeatureOptions(known, options, 'prewarmFrom')
  const parts = partsOfCache(cache)
  const { shared, lifecycle } = parts.context
  lifecycle.check()
  const spaces = spacesOf(parts, options.namespaces)
  const budgetMs = durationMs(options.budget ?? DEFAULTS.budget, 'budget')
  const expired = () =>
    new KedgeError('ERR_TIMEOUT', 'prewarming took longer than `budget`', { retryable: true })
  const counts: Counts = { values: 0, applied: 0, refused: 0, bytes: 0, complete: false }
  const task = (signal: AbortSignal) => fill(parts, spaces, options, counts, signal)
  try {
    await withDeadline(shared.settings.runtime, budgetMs, expired, task, options.signal)
  } catch (error) {
    options.signal?.throwIfAborted()
    shared.settings.emit?.({ type: 'background_error', error })
    counts.error = error
  }
  // A copy: what was given up may still go on for a moment.
  return { ...counts }
}

function spacesOf(parts: CacheParts, names: readonly string[] | undefined): CoherentStore<unknown>[] {
  if (names === undefined)
    return [...parts.stores.values()].filter(({ name }) => parts.takesPart('replicate', name))
  return names.map((name) => {
    const space = parts.stores.get(name)
    must(space !== undefined, `\`namespaces\`: ${name} was not declared: call cache.namespace() first`)
    return space!
  })
}

/** One namespace after the other. @throws what ends it before all of them are filled */
async function fill(
  { context, root }: CacheParts,
  spaces: readonly CoherentStore<unknown>[],
  options: PrewarmFromOptions,
  counts: Counts,
  signal: AbortSignal,
): Promise<void> {
  const { shared, follower } = context
  const { maxValues = DEFAULTS.maxValues, maxBytes = DEFAULTS.maxBytes, fetch = platformFetch } = options
  const neighbour: Neighbour = { url: baseOf(options.url)!, token: options.token, fetch }
  let complete = true
  for (const space of spaces) {
    const bounds = {
      maxValues: maxValues - counts.values,
      maxBytes: maxBytes - counts.bytes,
      maxLineBytes: shared.settings.maxMessageBytes,
    }
    if (bounds.maxValues <= 0 || bounds.maxBytes <= 0) return
    // Before it is asked: the neighbour must have applied what is too old to be judged here.
    if (!(await follower.sync(root, signal))) throw unproved()
    const { generation } = space.partition
    const askedAt = shared.settings.runtime.now()
    const answer = await askDump(neighbour, space.name, space.partition, bounds, signal)
    counts.bytes += answer.bytes
    counts.values += answer.lines.length + answer.refused
    counts.refused += answer.refused
    shared.counters.refused += answer.refused
    // And after it: values of a neighbour that is further ahead in the log are judged by what it knew.
    if (!(await follower.sync(root, signal))) throw unproved()
    for (const [at, line] of answer.lines.entries()) {
      // Reads of other requests come in between.
      if (at % LINES_A_TURN === 0) await shared.settings.runtime.sleep(0, signal)
      const isHeld = applyLine(shared, space, line, { logId: answer.head.log, generation, askedAt })
      if (isHeld) counts.applied++
      else counts.refused++
    }
    complete &&= answer.complete
  }
  counts.complete = complete
}

const unproved = (): KedgeError =>
  new KedgeError('ERR_UNREACHABLE', 'freshness cannot be proved: no value of a neighbour may be held', {
    retryable: true,
  })

/** Looked up when it is called, so that a platform or a test may patch it. */
const platformFetch: DumpFetch = (address, init) => fetch(address, init)
