/** The live page of `kedge serve`: the freshness of its cache, and evictions as it applies them. @module */
import type { Context, Hono } from 'hono'
import type { Cache, Freshness } from '../../src/api/cache-types.ts'
import { observe } from '../../src/api/events.ts'
import { partsOfCache } from '../../src/write/cache-parts.ts'
import { Audit } from '../../worker/audit.ts'
import type { AuditOptions } from '../../worker/audit-options.ts'
import type { Authorizer } from '../../worker/auth.ts'
import { requestContext } from '../../worker/middleware.ts'
import { Problem } from '../../worker/problem.ts'
import { clientNamed } from '../../services/gateway/client.ts'
import { remoteOf } from '../../services/gateway/remote.ts'
import { lengthOf } from '../terminal.ts'
import { evictionLine } from './eviction-line.ts'
import { isForeign } from './foreign-page.ts'
import { LiveFeed } from './live-feed.ts'
import type { LiveSource, Sample } from './live-feed.ts'
import type { PageOptions } from './page-options.ts'
import { addData, addPage } from './routes.ts'
import { MAX_PARTITIONS } from './state.ts'
import type { EvictionLine, TopicState, Verdict } from './state.ts'

export interface ServePageOptions extends PageOptions {
  readonly cache: Cache
  readonly auth: Authorizer
  /** Told wrong credentials, as that of every other route. */
  readonly audit: AuditOptions | undefined
}

/** Adds the page to an app. To be closed before the server is. */
export function addServePage(app: Hono, options: ServePageOptions): LiveFeed {
  const { cache, auth } = options
  const audit = options.audit && new Audit(options.audit)
  const feed = new LiveFeed(sourceOf(cache, options), options)
  addPage(app)
  addData(app, feed, {
    clientOf: (c) => clientNamed('', remoteOf(c)),
    rightsOf: async (c) => {
      if (isForeign(c)) throw new Problem(403, 'ERR_FORBIDDEN', 'A web page of another origin may not ask.')
      await allowed(auth, audit, c)
      const header = c.req.header('authorization')
      const mayEvict = await auth.authorize('evict', header).then(
        () => true,
        () => false,
      )
      return { seesEvictions: true, ...(mayEvict && { evicts: { by: 'serve' } }) }
    },
  })
  return feed
}

/** @throws Problem where the sender may not read. */
async function allowed(auth: Authorizer, audit: Audit | undefined, c: Context): Promise<void> {
  try {
    await auth.authorize('read', c.req.header('authorization'))
  } catch (error) {
    audit?.refused(c, requestContext(c), 'read', error)
    throw error
  }
}

function sourceOf(cache: Cache, { sentence, runtime }: ServePageOptions): LiveSource {
  const { follower, shared } = partsOfCache(cache).context
  const { settings } = shared
  let tell: ((line: EvictionLine) => void) | undefined
  observe(settings, (event) => {
    if (event.type !== 'evict' || !tell) return
    tell(evictionLine(runtime.now(), event.partition, event.offset, event))
  })
  return {
    sample: async (): Promise<Sample> => {
      const freshness = cache.freshness()
      const { ageMs } = freshness
      const stats = cache.stats()
      const { hits, misses, loads, fenced, refused, entries, bytes, polls, pollFailures } = stats
      return {
        service: 'serve',
        verdict: verdictOf(freshness, settings, sentence),
        topic: topicOf(settings.evictionsTopic, follower.partitions.values()),
        cache: {
          proofAgeMs: Number.isFinite(ageMs) ? ageMs : null,
          maxStalenessMs: settings.maxStalenessMs,
          hits,
          misses,
          loads,
          fenced,
          refused,
          entries,
          bytes,
          polls,
          pollFailures,
          evictions: stats.evictionsApplied,
        },
      }
    },
    follow: (told, signal) =>
      new Promise((resolve) => {
        tell = told
        signal.addEventListener('abort', () => {
          if (tell === told) tell = undefined
          resolve()
        })
      }),
  }
}

interface Promised {
  readonly maxStalenessMs: number
  readonly maxOutageMs: number
  readonly onUnreachable: 'stale' | 'bypass' | 'throw'
}

function verdictOf(
  { proved, ageMs, lag, error }: Freshness,
  { maxStalenessMs, maxOutageMs, onUnreachable }: Promised,
  sentence: (error: unknown) => string,
): Verdict {
  const isKnown = Number.isFinite(ageMs)
  if (proved && isKnown) {
    const behind = lag === 0 ? '' : ` ${lag} evictions are on their way.`
    const because = `Nothing is served whose eviction was acknowledged more than ${lengthOf(maxStalenessMs)} ago.${behind}`
    return { mood: 'good', says: 'Fresh', since: { verb: 'proved', ageMs }, because }
  }
  if (!isKnown && error === undefined)
    return { mood: 'waiting', says: 'Not proved yet', because: 'The cache is asking the log for its end.' }
  const why = error === undefined ? 'The last proof is too old' : `The log: ${sentence(error)}`
  const doing = {
    stale: `Held values are served for ${lengthOf(maxOutageMs)}, and say so; then reads go past the cache.`,
    bypass: 'Reads go past the cache.',
    throw: 'Reads of the cache fail.',
  }[onUnreachable]
  return {
    mood: 'bad',
    says: 'Not proved',
    ...(isKnown && { since: { verb: 'last proved', ageMs } }),
    because: `${why}. ${doing}`,
  }
}

interface FollowedPartition {
  readonly id: number
  readonly position: number
  readonly tail: number
  readonly hasPosition: boolean
}

function topicOf(topic: string, partitions: Iterable<FollowedPartition>): TopicState {
  const known = [...partitions].filter(({ hasPosition }) => hasPosition).toSorted((a, b) => a.id - b.id)
  return {
    topic,
    partitions: known
      .slice(0, MAX_PARTITIONS)
      .map(({ id, position, tail }) => ({ partition: id, position, end: tail })),
    more: Math.max(0, known.length - MAX_PARTITIONS),
  }
}
