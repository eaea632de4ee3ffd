/** A log behind a tail keeps the contract of a log, with and without a store. */
import { describe, expect, it } from 'vitest'
import { tailSocket } from '../../../../adapters/sharing/tail-socket.ts'
import { cacheApiStore, tail } from '../../../../adapters/sharing/tail.ts'
import type { ProofStore } from '../../../../adapters/sharing/tail.ts'
import { answerTail } from '../../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../../adapters/sharing/tail/state.ts'
import { systemRuntime } from '../../../../src/ports/runtime.ts'
import { Clock } from '../../../../src/runtime/clock.ts'
import { fakeRuntime, logSuite, memory, MemoryLog } from '../../../../src/testing/index.ts'
import { network } from './fake-sockets.ts'
import { memoryStore } from './memory-store.ts'

const SECRET = 'tail'.repeat(11)

/** A cache of the platform, in memory. */
function cacheLike() {
  const kept = new Map<string, Response>()
  return {
    match: async (url: string) => kept.get(url)?.clone(),
    put: async (url: string, response: Response) => void kept.set(url, response),
    delete: async (url: string) => kept.delete(url),
  }
}

/** A store that can be held: what is put into it then is lost. */
function holding(store: ProofStore) {
  let isHeld = false
  const held: ProofStore = {
    get: (...asked) => store.get(...asked),
    put: async (...put) => (isHeld ? undefined : store.put(...put)),
  }
  return { store: held, hold: () => void (isHeld = true) }
}

// Made once: each test finds what those before it have left there.
const STORES = {
  'tail()': undefined,
  'tail() with a store': memoryStore(),
  'tail() with the Cache API': cacheApiStore(cacheLike()),
}

for (const [title, store] of Object.entries(STORES))
  logSuite({
    name: title,
    capabilities: { identity: true, longPoll: false, readCommitted: true, shared: true },
    truncates: true,
    stores: store !== undefined,
    create() {
      const runtime = fakeRuntime()
      const on = new MemoryLog({ autoCreate: false })
      const state = new TailState({ log: memory({ on, runtime }), runtime })
      const names = Array.from({ length: 8 }, (_, at) => `topic-${at}`)
      const colo = store && holding(store)
      let topics = 0
      return {
        log: tail({
          origin: memory({ on, runtime }),
          ask: (path) => answerTail(state, new Request(`https://tail.example${path}`)),
          topics: [...names, 'no-such-topic', 'absent'],
          runtime,
          ...(colo && { store: colo.store, secret: SECRET }),
        }),
        topic(partitions) {
          const name = names[topics++]!
          on.createTopic(name, { partitions })
          return name
        },
        recreate: (topic) => void on.recreateTopic(topic),
        truncate: (topic, partition, offset) => on.truncate(topic, partition, offset),
        shared: {
          clock: new Clock(runtime),
          passes: (ms) => runtime.advance(ms),
          ...(colo && { holdStore: colo.hold }),
        },
        close: () => undefined,
      }
    },
    describe,
    it,
    expect,
  })

logSuite({
  name: 'tail() with a socket',
  capabilities: { identity: true, longPoll: true, readCommitted: true, shared: true },
  truncates: true,
  create() {
    const on = new MemoryLog({ autoCreate: false })
    const state = new TailState({ log: memory({ on }) })
    const runtime = systemRuntime()
    const { connect, feed } = network(state, runtime)
    const names = Array.from({ length: 8 }, (_, at) => `topic-${at}`)
    let topics = 0
    return {
      log: tail({
        origin: memory({ on }),
        url: 'https://tail.example',
        fetch: (input) => answerTail(state, new Request(input)),
        topics: [...names, 'no-such-topic', 'absent'],
        socket: tailSocket({ connect }),
      }),
      topic(partitions) {
        const name = names[topics++]!
        on.createTopic(name, { partitions })
        return name
      },
      recreate: (topic) => void on.recreateTopic(topic),
      truncate: (topic, partition, offset) => on.truncate(topic, partition, offset),
      shared: { clock: new Clock(runtime), passes: (ms) => runtime.sleep(ms) },
      close: () => feed.close(),
    }
  },
  describe,
  it,
  expect,
})
