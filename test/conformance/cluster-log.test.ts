import { describe, expect, it } from 'vitest'
import { clusterLog, memoryCluster, Refusal } from '../../services/gateway/index.ts'
import type { Cluster } from '../../services/gateway/index.ts'
import { MemoryLog } from '../../src/testing/index.ts'
import { logSuite } from '../../src/testing/log-suite.ts'

logSuite({
  name: 'clusterLog()',
  capabilities: { identity: true, longPoll: true, readCommitted: true },
  truncates: true,
  create() {
    const on = new MemoryLog({ autoCreate: false })
    let topics = 0
    return {
      log: clusterLog(memoryCluster(on)),
      topic: (partitions) => on.createTopic(`topic-${topics++}`, { partitions }).name,
      recreate: (topic) => void on.recreateTopic(topic),
      truncate: (topic, partition, offset) => on.truncate(topic, partition, offset),
      close: () => undefined,
    }
  },
  describe,
  it,
  expect,
})

describe('clusterLog()', () => {
  it('tells headers', async () => {
    const log = clusterLog(memoryCluster(new MemoryLog({ topics: { t: 1 } })))
    await log.produce('t', [{ key: null, value: null, partition: 0, headers: { trace: 'ü' } }])
    const read = { maxBytes: 1000, waitMs: 0, isolation: 'uncommitted' } as const
    const { records } = await log.read('t', [{ partition: 0, offset: 0 }], read)
    expect(records[0]?.headers).toEqual([['trace', new TextEncoder().encode('ü')]])
  })

  const failing = (failure: unknown): Cluster => ({
    ...memoryCluster(new MemoryLog()),
    describe: async () => ({ name: 't', id: 'x', partitions: 1 }),
    offsets: () => Promise.reject(failure),
    append: () => Promise.reject(failure),
  })

  it('says of a cluster that is away that trying again makes sense', async () => {
    const log = clusterLog(
      failing(new Refusal('unavailable', 'The cluster cannot be reached.', { retryAfter: 2 })),
    )
    await expect(log.offsets('t')).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      message: 'The cluster cannot be reached',
      retryable: true,
      retryAfterMs: 2000,
    })
    await expect(log.produce('t', [{ key: null, value: null }])).rejects.toMatchObject({
      code: 'ERR_PUBLISH',
      retryable: true,
    })
  })

  it('gives up a cluster that does not answer', async () => {
    const log = clusterLog(
      { ...failing(undefined), offsets: () => new Promise(() => undefined) },
      { timeoutMs: 20 },
    )
    await expect(log.offsets('t')).rejects.toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
  })
})
