/**
 * kedge's own topics in a function that Kafka triggers.
 *
 * @module
 */
import type { LoaderService } from '../../services/loader/types.ts'
import type { Persister } from '../../services/persister/types.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import type { Signatures } from '../../src/signing/index.ts'
import type { Sync } from '../../services/sync/sync.ts'
import { createTierFollower } from '../../services/sync/tier-follower.ts'
import type { TierFollowerEvent, TierFollowerOptions } from '../../services/sync/tier-follower-options.ts'
import type { FailedAt, TopicTaker } from './kafka.ts'

/**
 * Writes the records to the store of a sync: `cache-updates`, or any topic. A store that fails is tried again for as long
 * as there is time; then the records from there on have failed.
 */
export function applyUpdates(sync: Pick<Sync, 'apply' | 'notReady'>): TopicTaker {
  const turn = turns()
  return (records, { remainingMs }) =>
    turn(async () => {
      const { failed } = await sync.apply(records, { budget: remainingMs() })
      return failed.map(({ error, ...where }) => ({ ...where, error: error ?? notInTime(sync) }))
    })
}

const notInTime = (sync: Pick<Sync, 'notReady'>): KedgeError => {
  const why = sync.notReady().filter((reason) => reason === 'store' || reason === 'hook')
  const said = `not written in the time of the function${why.length > 0 ? `: ${why.join(', ')}` : ''}`
  return new KedgeError('ERR_TIMEOUT', said, { retryable: true })
}

/**
 * Applies `cache-evictions` to a shared tier. The event only triggers it: the taker reads the log from the
 * position that the tier holds, so it misses no record that the event lacks, and notices a log that was
 * replaced. Isolates cannot be reached this way: Lambda gives an event to one of them.
 *
 * @throws TypeError for wrong options, those of `createTierFollower`.
 */
export function applyEvictions(options: TierFollowerOptions): TopicTaker {
  const positions = new Map<number, number>()
  const onEvent = (event: TierFollowerEvent): void => {
    if (event.type === 'begin') positions.set(event.partition, event.position)
    if (event.type === 'apply') positions.set(event.partition, event.to)
    return options.onEvent?.(event)
  }
  const follower = createTierFollower({ ...options, onEvent })
  const { applier } = options.tier
  const turn = turns()
  return (records, { signal }) =>
    turn(async () => {
      positions.clear()
      await follower.step({ signal })
      const failed: FailedAt[] = []
      for (const partition of new Set(records.map((record) => record.partition))) {
        const position =
          positions.get(partition) ?? (await applier!.position(partition, { signal }))?.position ?? 0
        // The cluster that is read over HTTP may lag behind the one that sent the event.
        const behind = records.filter((each) => each.partition === partition && each.offset >= position)
        if (behind.length > 0) failed.push({ partition, offset: behind[0]!.offset, error: lags() })
      }
      return failed
    })
}

const lags = (): KedgeError =>
  new KedgeError('ERR_TIMEOUT', 'the log at `kafka` does not have the records of the event yet', {
    retryable: true,
  })

/**
 * Answers `cache-requests` with a loader service. Lambda gives no record again: an isolate without an answer
 * in time loads by itself, and waits for no repetition.
 */
export function serveRequests(loader: Pick<LoaderService, 'load'>): TopicTaker {
  return async (records, { signal, waitUntil }) => {
    // The loader counts a record without a value as one that it cannot read.
    const requests = records.map(({ value }) => value ?? new Uint8Array())
    try {
      await loader.load(requests, { signal, context: { waitUntil } })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

/** Has a persister write `cache-writes` to their sources. What was not persisted is given again. */
export function persistWrites(persister: Pick<Persister, 'apply'>): TopicTaker {
  return async (records, { signal }) => {
    await persister.apply(records, { signal })
  }
}

/**
 * The taker, for records that must be signed: it gets what `signatures` leaves of them. `applyEvictions` reads the log
 * itself, and needs `signed()` around that instead. An invocation for a topic that `signatures` were not told of fails.
 *
 * @example
 * ```ts
 * import { kafkaHandler, persistWrites, verified } from 'kedge/lambda'
 * import type { Persister } from 'kedge/persister'
 * import { signatures, signingKeys } from 'kedge/signing'
 *
 * declare const persister: Persister
 * declare const env: { readonly SIGN_KEYS: string }
 * const own = signatures({ keys: signingKeys(env.SIGN_KEYS), sign: 'require' })
 * export const handler = kafkaHandler({ 'cache-writes': verified(persistWrites(persister), own) })
 * ```
 */
export function verified(taker: TopicTaker, signatures: Pick<Signatures, 'topics' | 'verify'>): TopicTaker {
  return async (records, invocation) => {
    const { topic } = invocation
    // Its records would be taken without a look at them.
    if (signatures.topics?.has(topic) === false)
      throw new TypeError(`\`topics\`: ${topic} must be among those of signatures()`)
    return taker(await signatures.verify(topic, records), invocation)
  }
}

/** One after the other: a process may be given several batches at once (Lambda Managed Instances). */
function turns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work)
    last = next.catch(() => undefined)
    return next
  }
}
