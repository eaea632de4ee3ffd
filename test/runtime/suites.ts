/** Everything that runs in every runtime. */
import { logSuite, memory, MemoryLog } from '../../src/testing/index.ts'
import { coreSuite } from './core-suite.ts'
import type { Runner } from './harness.ts'

export function suites(runner: Runner): void {
  coreSuite(runner)
  logSuite({
    ...runner,
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
  })
}
