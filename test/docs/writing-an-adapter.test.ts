import { describe, expect, it } from 'vitest'
import { logSuite } from 'kedge/testing'
import { jsonLog } from '../../examples/custom-adapter/json-log.ts'
import { startLogServer } from '../../examples/custom-adapter/server.ts'

logSuite({
  name: 'jsonLog()',
  capabilities: { identity: true, longPoll: true, readCommitted: true },
  truncates: true,
  async create() {
    const server = await startLogServer()
    let topics = 0
    return {
      log: jsonLog({ url: server.url }),
      topic: (partitions) => server.log.createTopic(`topic-${topics++}`, { partitions }).name,
      recreate: (topic) => void server.log.recreateTopic(topic),
      truncate: (topic, partition, offset) => server.log.truncate(topic, partition, offset),
      close: () => server.close(),
    }
  },
  describe,
  it,
  expect,
})
