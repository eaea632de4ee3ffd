/** Lines of a dump as strangers write them: whatever they are, they are counted, and nothing of them is served past its time. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { prewarmFrom } from '../../../src/replicate/index.ts'
import { readyIn, world } from '../../src/world.ts'

const NOW = 1_700_000_000_000
const odd = fc.oneof(
  fc.constant(undefined),
  fc.integer(),
  fc.double(),
  fc.string(),
  fc.constant(null),
  fc.constant([]),
)
const near = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 9, max: 10 }) },
  { weight: 1, arbitrary: fc.integer({ min: -5, max: 25 }) },
)
const ms = fc.integer({ min: -100, max: 100_000 })
const rarely = <T>(usual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 40, arbitrary: usual }, { weight: 1, arbitrary: odd })

const line = fc.oneof(
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.json() },
  {
    weight: 6,
    arbitrary: fc
      .record({
        v: rarely(fc.constant(1)),
        op: rarely(fc.constantFrom(...Array.from({ length: 12 }, () => 'put'), 'del', 'end', 'dump')),
        ns: rarely(fc.constant('users')),
        key: rarely(fc.constantFrom('a', 'b', 'c')),
        value: fc.jsonValue({ maxDepth: 2 }),
        ttl: rarely(ms),
        at: rarely(ms.map((ago) => NOW - ago)),
        asOf: rarely(near),
        log: rarely(fc.constantFrom(...Array.from({ length: 12 }, () => 'LOG'), 'another')),
        tags: rarely(fc.array(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 3 })),
        version: rarely(fc.integer()),
        position: rarely(near),
        left: rarely(ms),
      })
      .map((message) => JSON.stringify(message)),
  },
)

it('lines of strangers reject nothing, are all counted, and live no longer than they say', async () => {
  let held = 0
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 12 }), fc.nat(40), async (lines, cut) => {
      const at = world()
      for (let n = 0; n < 10; n++)
        at.log.append('cache-evictions', {
          key: null,
          value: new TextEncoder().encode('{"v":1,"op":"beat"}'),
        })
      const { cache, users } = await readyIn(at, { maxMessageBytes: 600 })
      const { logId } = at.log.offsets('cache-evictions', 0)
      const head = JSON.stringify({ v: 1, op: 'dump', ns: 'users', log: logId, position: 10 })
      const bytes = new TextEncoder().encode(
        [head, ...lines, ''].join('\n').replaceAll('"LOG"', JSON.stringify(logId)),
      )
      let from = 0
      const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
        if (from >= bytes.length) controller.close()
        else controller.enqueue(bytes.slice(from, (from += cut + 1)))
      }
      const fetch = async () => new Response(new ReadableStream({ pull }, { highWaterMark: 0 }))
      const result = await at.run(prewarmFrom(cache, { url: 'http://n', fetch }))
      expect(result.error).toBeUndefined()
      held += result.applied
      expect(result.values).toBe(result.applied + result.refused)
      expect(cache.stats().entries).toBeLessThanOrEqual(result.applied)
      // None of them can say more than this.
      await at.runtime.advance(100_001)
      await at.run(cache.sync())
      for (const key of ['a', 'b', 'c']) expect(users.peek(key)).toBeUndefined()
    }),
    { numRuns: 100 },
  )
  // Some of them must be good, or the rest shows nothing.
  expect(held).toBeGreaterThan(20)
})
