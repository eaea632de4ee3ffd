import { describe, expect, it } from 'vitest'
import { logSuite } from '../../src/testing/log-suite.ts'
import { MemoryLog } from '../../src/testing/memory-log.ts'
import { memory } from '../../src/testing/memory.ts'

logSuite({
  name: 'memory()',
  capabilities: { identity: true, longPoll: true, readCommitted: true },
  truncates: true,
  create() {
    const on = new MemoryLog({ autoCreate: false })
    let topics = 0
    return {
      log: memory({ on }),
      topic(partitions) {
        const name = `topic-${topics++}`
        on.createTopic(name, { partitions })
        return name
      },
      recreate: (topic) => void on.recreateTopic(topic),
      truncate: (topic, partition, offset) => on.truncate(topic, partition, offset),
      close: () => undefined,
    }
  },
  describe,
  it,
  expect,
})
