/** The deployed worker in workerd, by its variables, with each of its tails. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../miniflare-until.ts'
import { EVICTIONS, startWorld } from '../miniflare-world.ts'
import type { World } from '../miniflare-world.ts'
import { askedPaths } from './asked-paths.ts'

const STORE = { TAIL_STORE: 'cache-api', TAIL_SECRET: `${'A'.repeat(43)}=` }
const OBJECTS = { KEDGE_TAIL: 'KedgeTail' }
const PROOF = `GET /tail/${EVICTIONS}/0`
const ENDS = `GET /topics/${EVICTIONS}/partitions/0/offsets`

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

/**
 * Has another writer evict what the isolate holds. Resolves with what was asked of the gateway until the isolate had heard of it, and
 * had written itself.
 *
 * @param then called with what goes on to be asked
 */
async function hears(
  bindings: Readonly<Record<string, string>>,
  key: string,
  objects = {},
  then = async (_asked: readonly string[]): Promise<void> => undefined,
) {
  // One for each: an object goes on for a while when the isolate that asked it is gone.
  await using before = await askedPaths(world.gateway.url)
  const isolate = await world.isolate({
    bindings: { KAFKA_REST_URL: before.url, MAX_STALENESS: '1s', REFRESH_AFTER: '200ms', ...bindings },
    objects,
  })
  world.source.rows.set(key, 'old')
  await until(async () => (await isolate.read(key)).cacheStatus.includes('hit'), 'the row is held')
  world.source.rows.set(key, 'new')
  const message = JSON.stringify({ v: 1, op: 'evict', ns: 'rows', keys: [key] })
  world.gateway.log.append(EVICTIONS, { key: null, value: new TextEncoder().encode(message) })
  const evictedAt = performance.now()
  for (;;) {
    const startedAt = performance.now()
    const { value } = await isolate.read(key)
    if (value === 'new') break
    expect(startedAt - evictedAt).toBeLessThan(1000)
  }
  await isolate.evict(key)
  await then(before.asked)
  return new Set(before.asked)
}

describe('the deployed worker', { timeout: 60_000 }, () => {
  it('without a tail asks for the end of the log itself, also where an object is bound', async () => {
    const asked = await hears({}, 'a', OBJECTS)
    expect(asked).toContain(ENDS)
    expect(asked).not.toContain(PROOF)
  })

  it.each([{}, STORE])(
    'hears of evictions by an object that asks for the end of the log: %#',
    async (store) => {
      const samplesOn = async (asked: readonly string[]): Promise<void> => {
        const soFar = asked.length
        await until(
          () => asked.length >= soFar + 4,
          'the object samples on, though the isolate has no request',
        )
      }
      const bindings = { TAIL: 'durable-object', TAIL_SHARDS: '1', ...store }
      const asked = await hears(bindings, 'b', OBJECTS, samplesOn)
      expect(asked).toContain(ENDS)
      expect(asked).toContain(`POST /topics/${EVICTIONS}`)
    },
  )

  it.each([{}, STORE])(
    'hears of evictions by the gateway, which it asks for its proof alone: %#',
    async (store) => {
      const asked = await hears({ TAIL: 'gateway', ...store }, 'c')
      expect(asked).toContain(PROOF)
      expect(asked).not.toContain(ENDS)
      expect(asked).toContain(`POST /topics/${EVICTIONS}`)
    },
  )
})
