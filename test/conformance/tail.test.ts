/** A log whose proofs the real gateway samples, with a store and without one, by the clocks of the platform. */
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { tail } from '../../adapters/sharing/tail.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { Clock } from '../../src/runtime/clock.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { memoryStore } from '../adapters/sharing/tail/memory-store.ts'
import { overGateway } from './gateway-bench.ts'

const SECRET = 'tail'.repeat(11)
const TOPICS = [...Array.from({ length: 8 }, (_, at) => `topic-${at}`), 'kedge-suite-absent']

for (const stores of [false, true])
  logSuite({
    name: `tail() of the gateway ${stores ? 'with' : 'without'} a store`,
    capabilities: { identity: true, longPoll: false, readCommitted: true, shared: true },
    truncates: true,
    stores,
    async create() {
      const proofs = memoryStore()
      let isHeld = false
      const store = {
        get: proofs.get.bind(proofs),
        put: async (...put: Parameters<typeof proofs.put>) => (isHeld ? undefined : proofs.put(...put)),
      }
      const made = await overGateway((url) =>
        tail({ origin: gateway({ url }), url, topics: TOPICS, ...(stores && { store, secret: SECRET }) }),
      )
      return {
        ...made,
        shared: {
          clock: new Clock(systemRuntime()),
          passes: (ms) => setTimeout(ms),
          ...(stores && { holdStore: () => void (isHeld = true) }),
        },
      }
    },
    describe,
    it,
    expect,
  })
