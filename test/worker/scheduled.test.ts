import { describe, expect, it } from 'vitest'
import { createCache } from '../../src/index.ts'
import { replicate } from '../../src/replicate/index.ts'
import { memory, MemoryLog } from '../../src/testing/index.ts'
import { runCron } from '../../worker/scheduled.ts'

const TOPIC = 'cache-evictions'

function isolate(on: MemoryLog, { replicates }: { replicates: boolean }) {
  const kafka = memory({ on })
  const cache = createCache({ kafka, use: replicates ? [replicate()] : [] })
  cache.namespace('prices')
  const settings = { evictionsTopic: TOPIC, evictionPartitions: 1, replicates }
  return { kafka, cache, run: () => runCron(cache, kafka, settings) }
}

/** Another isolate has written a value, before the one under test starts. */
const published = (on: MemoryLog) => isolate(on, { replicates: true }).cache.namespace('prices').set('tea', 3)

describe('the cron', () => {
  it('fills the isolate that it runs in, where values travel in the log', async () => {
    const log = new MemoryLog()
    await published(log)
    const { cache, run } = isolate(log, { replicates: true })
    expect(await run()).toMatchObject({ records: 1, applied: 1, complete: true })
    expect(cache.namespace('prices').peek('tea')).toBe(3)
  })

  it('only beats where values do not travel in the log', async () => {
    const log = new MemoryLog()
    await published(log)
    const before = log.offsets(TOPIC, 0).end
    const { cache, run } = isolate(log, { replicates: false })
    expect(await run()).toBeUndefined()
    expect(cache.namespace('prices').peek('tea')).toBeUndefined()
    expect(log.offsets(TOPIC, 0).end).toBe(before + 1)
  })

  it('fills the isolate also when the heartbeat is refused, and still fails', async () => {
    const log = new MemoryLog()
    await published(log)
    const { kafka, cache, run } = isolate(log, { replicates: true })
    kafka.fail(new Error('refused'), { on: 'produce' })
    await expect(run()).rejects.toThrow('refused')
    expect(cache.namespace('prices').peek('tea')).toBe(3)
  })
})
