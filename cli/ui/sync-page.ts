/** The live page of `kedge sync`: how far its store is behind the topic. @module */
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { SyncEvent, SyncLag } from '../../services/sync/index.ts'
import type { OwnPaths } from '../health.ts'
import type { Followed } from '../metrics/sync-metrics.ts'
import { lengthOf } from '../terminal.ts'
import { LiveFeed } from './live-feed.ts'
import type { Sample } from './live-feed.ts'
import type { PageOptions } from './page-options.ts'
import { addData, addPage } from './routes.ts'
import { forThisMachine } from './this-machine.ts'
import { MAX_PARTITIONS } from './state.ts'
import type { Count, SyncState, Verdict } from './state.ts'

/** Records without use that are shown. */
const MAX_UNUSABLE = 5

/** What is shown of what a sync counts, in this order. */
const SHOWN = {
  records: 'records read',
  written: 'values written, keys deleted',
  superseded: 'older than the store',
  folded: 'folded into a later one',
  skipped: 'without a write',
  evictions: 'evictions applied',
  unusable: 'unusable',
  deadLetters: 'dead letters',
  deadLettersLost: 'dead letters lost',
  storeFailures: 'failures of the store',
  logFailures: 'failures of the log',
  failures: 'failures',
} as const

const WHY: Readonly<Record<string, string>> = {
  'not begun': 'it has not begun',
  rehydrating: 'it is on its way to the end',
  lag: 'its lag is above the limit',
  store: 'the store does not answer',
  log: 'the log does not answer',
  hook: 'what follows the writes fails',
}

export class SyncPage {
  readonly #store: string
  readonly #options: PageOptions
  /** The way to the end that the topic had when reading began. */
  #trip: Trip | undefined
  #isOnTheWay = true
  #followed: Followed | undefined
  #unusable: SyncState['lastUnusable'] = []

  /** @param store its name, without secrets */
  constructor(store: string, options: PageOptions) {
    this.#store = store
    this.#options = options
  }

  take(event: SyncEvent): void {
    if (event.type === 'begin') this.#isOnTheWay = true
    if (event.type === 'caught_up') this.#isOnTheWay = false
    if (event.type === 'begin' || event.type === 'caught_up') this.#trip = undefined
    if (event.type === 'batch') this.#setOut()
    if (event.type === 'unusable') {
      const { topic, partition, offset, reason } = event
      this.#unusable = [{ at: `${topic} ${partition}@${offset}`, reason }, ...this.#unusable].slice(
        0,
        MAX_UNUSABLE,
      )
    }
  }

  /** Answers `/ui` and what is below it, to this machine alone: a sync has no credentials that could be asked for. */
  pathsOf(followed: Followed): OwnPaths {
    this.#followed = followed
    const app = new Hono()
    const feed = new LiveFeed({ sample: async () => this.#sample(followed) }, this.#options)
    app.use(forThisMachine)
    addPage(app)
    addData(app, feed, { clientOf: () => undefined, rightsOf: async () => ({ seesEvictions: true }) })
    app.onError((error, c) => {
      this.#options.onError(error)
      return c.json({ error: 'Internal Server Error' }, 500)
    })
    const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false })
    return (request, response) => {
      if (!/^\/ui(?:[/?]|$)/.test(request.url ?? '')) return false
      if (request.method === 'GET' || request.method === 'HEAD') void answer(request, response)
      else response.writeHead(405, { allow: 'GET, HEAD' }).end()
      return true
    }
  }

  /** Where the sync is when it sets out: known from its first batch on, or from the first look. */
  #setOut(): void {
    if (!this.#isOnTheWay || this.#trip || !this.#followed) return
    const { rehydrating, partitions } = this.#followed.lag()
    if (rehydrating && partitions.length > 0)
      this.#trip = { partitions, beganAt: this.#options.runtime.monotonic() }
  }

  #sample({ names, lag, notReady, stats }: Followed): Sample {
    const { runtime } = this.#options
    const now = lag()
    this.#setOut()
    const counts: Count[] = Object.entries(SHOWN).flatMap(([of, name]) => {
      const count = (stats() as unknown as Readonly<Record<string, number | undefined>>)[of]
      return count === undefined ? [] : [{ name, count }]
    })
    const { records } = stats()
    return {
      service: 'sync',
      verdict: verdictOf(
        now,
        notReady(),
        names.stream === undefined ? `The tier in ${this.#store}` : this.#store,
      ),
      topic: {
        topic: names.topic,
        partitions: now.partitions.slice(0, MAX_PARTITIONS),
        more: Math.max(0, now.partitions.length - MAX_PARTITIONS),
      },
      sync: {
        store: this.#store,
        ...(names.stream !== undefined && { stream: names.stream }),
        lagRecords: now.records,
        lagMs: Number.isFinite(now.ms) ? now.ms : null,
        ...(now.rehydrating &&
          this.#trip && { rehydration: progressOf(this.#trip, now, runtime.monotonic()) }),
        records,
        counts,
        lastUnusable: this.#unusable,
      },
    }
  }
}

interface Trip {
  readonly partitions: SyncLag['partitions']
  readonly beganAt: number
}

function progressOf(
  { partitions, beganAt }: Trip,
  now: SyncLag,
  at: number,
): NonNullable<SyncState['rehydration']> {
  const positions = new Map(now.partitions.map(({ partition, position }) => [partition, position]))
  let [records, total] = [0, 0]
  for (const { partition, position, end } of partitions) {
    total += Math.max(0, end - position)
    records += Math.max(0, Math.min(end, positions.get(partition) ?? 0) - position)
  }
  const perSecond = at > beganAt ? (records * 1000) / (at - beganAt) : 0
  const leftMs = perSecond === 0 ? null : ((total - records) * 1000) / perSecond
  return { records, total, perSecond, leftMs }
}

function verdictOf(
  { records, ms, rehydrating }: SyncLag,
  notReady: readonly string[],
  store: string,
): Verdict {
  const many = `${records.toLocaleString('en-US')} ${records === 1 ? 'record' : 'records'}`
  if (rehydrating)
    return {
      mood: 'waiting',
      says: 'Filling',
      because: `${store} is being filled from the topic: ${many} to go. What it answers until then may be old.`,
    }
  if (notReady.length > 0)
    return {
      mood: 'bad',
      says: 'Behind',
      ...(Number.isFinite(ms) && { since: { verb: 'for', ageMs: ms, lasts: true } }),
      because: `${sentenceOf(notReady)}. ${store} is ${many} behind, and what it answers may be old.`,
    }
  if (records === 0) return { mood: 'good', says: 'Level', because: `${store} has all that the topic says.` }
  return {
    mood: 'good',
    says: 'Following',
    because: `${store} is ${many} and ${lengthOf(ms)} behind: within the limits.`,
  }
}

function sentenceOf(notReady: readonly string[]): string {
  const text = notReady.map((why) => WHY[why] ?? why).join(', ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
