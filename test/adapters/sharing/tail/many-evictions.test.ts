/**
 * A thousand evictions a second, for 200 isolates of one data center: where their records come from.
 *
 * Time is virtual, and stands still while the platform signs.
 */
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { STORE_LIMITS, type StoreLimits } from '../../../../adapters/sharing/tail/limits.ts'
import { answerTail } from '../../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../../adapters/sharing/tail/state.ts'
import { tailLog } from '../../../../adapters/sharing/tail/tail-log.ts'
import type { KafkaLog } from '../../../../src/ports/kafka-log.ts'
import { Clock } from '../../../../src/runtime/clock.ts'
import { encodeUtf8 } from '../../../../src/wire/codec.ts'
import { fakeRuntime, memory, MemoryLog } from '../../../../src/testing/index.ts'
import { memoryStore } from './memory-store.ts'

const TOPIC = 'cache-evictions'
const SECRET = 'c2VjcmV0'.repeat(6)
const [ISOLATES, SECONDS, STEP_MS, POLL_EVERY_MS] = [200, 2, 10, 500]
/** As `maxStaleness: '2s'` and `refreshAfter: '500ms'` make it. */
const MAX_AGE_MS = 1000
/** Ways to the tail, and to Kafka. */
const WAY_MS = 15

interface Isolate {
  readonly log: KafkaLog
  readonly clock: Clock
  position: number
  dueAt: number
  isBusy: boolean
}

/** Signatures are made and verified outside of virtual time: it goes on when none is under way. */
function watchSigning() {
  let underWay = 0
  for (const name of ['importKey', 'sign', 'verify'] as const) {
    const real = crypto.subtle[name].bind(crypto.subtle) as (...given: readonly unknown[]) => Promise<unknown>
    vi.spyOn(crypto.subtle, name).mockImplementation((async (...given: readonly unknown[]) => {
      underWay++
      return real(...given).finally(() => underWay--)
    }) as never)
  }
  return {
    async over() {
      // What has been signed may have something else signed in the turns after it.
      for (let idle = 0; idle < 4; idle = underWay === 0 ? idle + 1 : 0) await setImmediate()
    },
  }
}

async function run(limits: StoreLimits, signing: ReturnType<typeof watchSigning>) {
  const runtime = fakeRuntime()
  const on = new MemoryLog({ now: () => runtime.now() })
  const state = new TailState({ log: memory({ on, runtime, latency: WAY_MS }), runtime })
  const store = memoryStore()
  const counts = { polls: 0, proofs: 0, records: 0, read: 0, gaps: 0 }
  const ask = async (path: string) => {
    counts[path.includes('/records') ? 'records' : 'proofs']++
    await runtime.sleep(WAY_MS)
    return answerTail(state, new Request(`https://tail.example${path}`))
  }
  const origin = memory({ on, runtime })
  const isolates = Array.from({ length: ISOLATES }, (_, at): Isolate => ({
    log: tailLog({ origin, ask, runtime, store, secret: SECRET }, limits),
    clock: new Clock(runtime),
    position: 0,
    dueAt: (at * POLL_EVERY_MS) / ISOLATES,
    isBusy: false,
  }))

  async function poll(isolate: Isolate): Promise<void> {
    counts.polls++
    const { log, clock } = isolate
    const [bound] = await log.offsets(TOPIC, { partitions: [0], maxAgeMs: MAX_AGE_MS, clock })
    while (isolate.position < bound!.end) {
      const position = { partition: 0, offset: isolate.position }
      const how = { maxBytes: 1_000_000, waitMs: 0, isolation: 'uncommitted' } as const
      const { records, next } = await log.read(TOPIC, [position], how)
      for (const { offset } of records) if (offset !== isolate.position++) counts.gaps++
      if (isolate.position !== next[0]!.offset) counts.gaps++
      counts.read += records.length
    }
    void log.settled!()
  }

  let appended = 0
  for (let ms = 0; ms < SECONDS * 1000; ms += STEP_MS) {
    for (; appended < ms + STEP_MS; appended++) {
      const value = encodeUtf8(
        `{"v":1,"op":"evict","ns":"users","keys":["${appended}"],"from":"${'0'.repeat(32)}"}`,
      )
      on.append(TOPIC, { key: encodeUtf8('users'), value, partition: 0 })
    }
    for (const isolate of isolates) {
      if (isolate.isBusy || isolate.dueAt > ms) continue
      isolate.isBusy = true
      isolate.dueAt = ms + POLL_EVERY_MS
      void poll(isolate).finally(() => (isolate.isBusy = false))
    }
    await runtime.advance(STEP_MS)
    await signing.over()
  }
  const segments = [...store.entries.keys()].filter((name) => name.split('/').length > 2)
  return { ...counts, appended, segments: segments.length, upstream: state.stats() }
}

/** No segment is ever whole. */
const WITHOUT: StoreLimits = { ...STORE_LIMITS, segmentOffsets: 2 ** 40 }

afterEach(() => vi.restoreAllMocks())

describe('a thousand evictions a second, for 200 isolates', () => {
  it(
    'cost the tail few questions where the store has segments, and no record is missed',
    { timeout: 120_000 },
    async () => {
      const signing = watchSigning()
      const [without, withSegments] = [await run(WITHOUT, signing), await run(STORE_LIMITS, signing)]
      for (const each of [without, withSegments]) {
        expect(each.gaps).toBe(0)
        expect(each.polls).toBeGreaterThan(ISOLATES * SECONDS)
        expect(each.read / ISOLATES).toBeGreaterThan(each.appended * 0.5)
      }
      // Polls for whose records the tail was asked: almost half of them, and one in fifty.
      expect(without.records).toBeGreaterThan(without.polls / 4)
      expect(withSegments.records).toBeLessThan(withSegments.polls / 20)
    },
  )
})
