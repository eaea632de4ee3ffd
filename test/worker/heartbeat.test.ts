import { describe, expect, it } from 'vitest'
import type { KafkaLog, NewRecord } from '../../src/ports/kafka-log.ts'
import { readEviction } from '../../src/wire/read-eviction.ts'
import { beat } from '../../worker/heartbeat.ts'

describe('beat', () => {
  it('writes one record that evicts nothing to every partition', async () => {
    const written: { topic: string; records: readonly NewRecord[] }[] = []
    const log = {
      produce: (topic: string, records: readonly NewRecord[]) => {
        written.push({ topic, records })
        return Promise.resolve(records.map((_, partition) => ({ partition, offset: 0 })))
      },
    } as unknown as KafkaLog
    await beat(log, 'cache-evictions', 3)
    expect(written).toHaveLength(1)
    expect(written[0]?.topic).toBe('cache-evictions')
    expect(written[0]?.records.map(({ partition, key }) => ({ partition, key }))).toEqual([
      { partition: 0, key: null },
      { partition: 1, key: null },
      { partition: 2, key: null },
    ])
    const message: unknown = JSON.parse(new TextDecoder().decode(written[0]?.records[0]?.value ?? undefined))
    const eviction = readEviction(message, undefined, () => true)
    expect(eviction).toMatchObject({ all: false, keys: [], tags: [], prefixes: [], unreadable: false })
  })
})
