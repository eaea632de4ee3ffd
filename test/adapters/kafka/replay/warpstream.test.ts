import { describe, expect, it } from 'vitest'
import { warpstream } from '../../../../adapters/kafka/warpstream.ts'
import { logSuite } from '../../../../src/testing/log-suite.ts'
import { memory } from '../../../../src/testing/memory.ts'
import { underTest } from './fake-proxy.ts'
import { FakeWarpstream } from './fake-warpstream.ts'

const TELLING = [
  { logStart: true, endOutside: true, what: 'that names beginnings and ends' },
  { logStart: true, endOutside: false, what: 'that names them at positions inside the log alone' },
  { logStart: false, endOutside: true, what: 'that names ends' },
  { logStart: false, endOutside: false, what: 'that names ends at positions inside the log alone' },
]

for (const { what, ...tells } of TELLING) {
  logSuite({
    name: `warpstream() over a fake agent ${what}`,
    capabilities: { identity: false, longPoll: false, readCommitted: false },
    truncates: true,
    create: () => {
      const proxy = new FakeWarpstream(tells)
      const produce = memory({ on: proxy.log })
      return underTest(proxy, (fetch) => warpstream({ url: 'https://agent.test:8080', fetch, produce }))
    },
    describe,
    it,
    expect,
  })
}
