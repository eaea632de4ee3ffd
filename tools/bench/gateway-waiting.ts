/** What it costs the gateway that so many wait. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { during, startChild } from './gateway-child.ts'
import type { GatewayChild, Work } from './gateway-child.ts'
import { Pollers } from './gateway-pollers.ts'

export interface Waiting {
  readonly count: number
  /** Resident bytes with so many waiting, and what one is beyond those of a gateway without polls. */
  readonly rss: number
  readonly rssEach: number
  readonly heapEach: number
  /** Nothing happens in the log: polls end by their time. */
  readonly quiet: Work
  /** Record after record, each as soon as all wait again. `answered` are the polls alone; the work is that of producing as well. */
  readonly woken: Work & { readonly records: number; readonly told: readonly number[] }
}

export interface WaitingOptions {
  readonly brokers: string
  readonly topic: string
  /** What the clients wait at. */
  readonly program: URL
  readonly quietMs: number
  readonly wokenMs: number
}

/** How long a poll asks to wait while nothing happens, in the mean: from half to one and a half of it, or all would end at once. */
export const QUIET_WAIT_MS = 5000
const quietWait = () => Math.round(QUIET_WAIT_MS * (0.5 + Math.random()))
/** Longer than any round. */
const WOKEN_WAIT_MS = 30_000
/** Every poller must have got a record by then. */
const ROUND_DEADLINE_MS = 20_000
/** So many of the times at which pollers got the record are kept from a round. */
const KEPT = 1000
/** Records before those that are measured. */
const WARM = 3

/** @throws Error when a poll was refused, failed, or did not get a record. */
export async function measureWaiting(count: number, options: WaitingOptions): Promise<Waiting> {
  const child = await startChild(options.brokers, options.program)
  const log = gateway({ url: child.url })
  const pollers = new Pollers(child.url, options.topic, quietWait)
  try {
    return await Promise.race([measured(count, options, child, log, pollers), pollers.failure])
  } finally {
    pollers.close()
    await log.close?.()
    await child.stop()
  }
}

async function measured(
  count: number,
  options: WaitingOptions,
  child: GatewayChild,
  log: KafkaLog,
  pollers: Pollers,
): Promise<Waiting> {
  const end = (await log.offsets(options.topic))[0]!.end
  const empty = await child.standing(true)
  await pollers.open(count, end)
  let next = end
  const place = () => ({ topic: options.topic, offset: next++ })
  const round = () => wake(child, log, pollers, place())
  for (let left = WARM; left > 0; left--) await round()
  const quiet = await during(child, () => sleep(options.quietMs))
  // The polls that follow ask for so long that none of them ends by its time from here on.
  pollers.wait = () => WOKEN_WAIT_MS
  await round()
  await child.waiting(count)
  const full = await child.standing(true)
  const told: number[] = []
  const first = next
  const work = await during(child, async () => {
    for (const until = performance.now() + options.wokenMs; performance.now() < until;) {
      const times = await round()
      const every = Math.ceil(times.length / KEPT)
      for (let at = times.length - 1; at >= 0; at -= every) told.push(times[at]!)
    }
  })
  const records = next - first
  return {
    count,
    rss: full.rss,
    rssEach: (full.rss - empty.rss) / count,
    heapEach: (full.heap - empty.heap) / count,
    quiet,
    woken: { ...work, answered: work.answered - records, records, told },
  }
}

/** One record, once all wait: how long after it was sent each of them had it, in milliseconds, ascending. */
async function wake(
  child: GatewayChild,
  log: KafkaLog,
  pollers: Pollers,
  place: { readonly topic: string; readonly offset: number },
): Promise<number[]> {
  await child.waiting(pollers.count)
  const deadline = new AbortController()
  const late = sleep(ROUND_DEADLINE_MS, undefined, { signal: deadline.signal }).then(
    () => Promise.reject(new Error(`${pollers.told.length} of ${pollers.count} pollers got the record`)),
    () => {},
  )
  const all = pollers.expect(place.offset)
  const sent = performance.now()
  try {
    await Promise.all([
      log.produce(place.topic, [{ key: null, value: RECORD, partition: 0 }]),
      Promise.race([all, late]),
    ])
  } finally {
    deadline.abort()
  }
  return pollers.told.map((at) => at - sent)
}

/** As large as an eviction. */
const RECORD = new TextEncoder().encode(JSON.stringify({ key: 'x'.repeat(150) }))
