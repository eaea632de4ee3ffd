/** An upstream in memory, on a clock that stands still until a test moves it. */
import { upstreamCluster } from '../../../../services/gateway/index.ts'
import type { ClusterReadOptions, UpstreamOptions } from '../../../../services/gateway/index.ts'
import type { KafkaLog, LogCapabilities } from '../../../../src/ports/kafka-log.ts'
import { fakeRuntime, memory } from '../../../../src/testing/index.ts'

/** What a proxy of Confluent's has. */
export const BARE: LogCapabilities = { identity: false, longPoll: false, readCommitted: false }
export const NOW: ClusterReadOptions = { maxBytes: 1_000_000, waitMs: 0 }

export function world({
  capabilities = {},
  wrapped = (log) => log,
  lateMs = 0,
  ...options
}: {
  readonly capabilities?: Partial<LogCapabilities>
  /** For how long an answer of the upstream is on its way, in milliseconds. */
  readonly lateMs?: number
  readonly wrapped?: (log: KafkaLog) => KafkaLog
} & Omit<UpstreamOptions, 'runtime'> = {}) {
  const runtime = fakeRuntime()
  const log = memory({ runtime, capabilities, topics: { t: 1, u: 200 }, autoCreate: false })
  const offsets: KafkaLog['offsets'] = async (...asked) => {
    const found = await log.offsets(...asked)
    if (lateMs > 0) await runtime.sleep(lateMs)
    return found
  }
  const cluster = upstreamCluster(wrapped({ ...log, offsets }), { runtime, topic: 't', ...options })
  const produce = (...values: readonly string[]) => {
    for (const value of values) log.log.append('t', { key: null, value: new TextEncoder().encode(value) })
  }
  const read = async (offset: number, how: ClusterReadOptions = NOW) =>
    told(await cluster.read([{ topic: 't', partition: 0, offset }], how))
  /** While time goes on for as long as the work takes. */
  const meanwhile = async <T>(work: Promise<T>): Promise<T> => {
    const state = { isDone: false }
    void work.catch(() => undefined).then(() => (state.isDone = true))
    for (let turns = 0; !state.isDone && turns < 1000; turns++) await runtime.advance(20)
    return work
  }
  return { cluster, log, meanwhile, produce, read, runtime }
}

type Read = Awaited<ReturnType<ReturnType<typeof upstreamCluster>['read']>>

const told = ({ records, next, outOfRange }: Read) => ({
  values: records.map(({ value }) => new TextDecoder().decode(value ?? undefined)),
  next: next[0]?.offset,
  isOutside: outOfRange.length > 0,
})
