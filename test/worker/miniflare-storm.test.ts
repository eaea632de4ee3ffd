import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/testing/index.ts'
import type { Replacement } from '../runtime/bundle.ts'
import type { Client } from './miniflare-client.ts'
import { startWorld } from './miniflare-world.ts'

const ROOTLESS = new URL('./miniflare-rootless-worker.ts', import.meta.url)
const KEYS = ['a', 'b', 'c', 'd']
const MAX_STALENESS_MS = 300
const WRITERS = 2
const READERS = 12
/** A few seconds are enough; two slow cores under load need more. */
const LIMIT_MS = 40_000
const TIMEOUT_MS = 60_000

/** A write whose eviction was acknowledged. */
interface Acknowledged {
  readonly version: number
  readonly at: number
  readonly token: string
}

/** A read that returned what had been evicted longer ago than it may. */
interface Violation {
  readonly key: string
  readonly value: unknown
  readonly expected: number
}

interface Storm {
  readonly reads: number
  readonly writes: number
  readonly violations: readonly Violation[]
  /** Answers other than 200. */
  readonly failures: readonly unknown[]
}

/**
 * All at once: writers that commit versions and evict through any isolate, readers with and without tokens,
 * clients that hang up, and an origin that takes its time. Ends after `most` reads, or at the first violation.
 */
async function storm(most: number, replacements: readonly Replacement[] = []): Promise<Storm> {
  await using world = await startWorld(Object.fromEntries(KEYS.map((key) => [key, 0])))
  const bindings = { MAX_STALENESS: `${MAX_STALENESS_MS}ms` }
  // The third has the default of `maxStaleness`, and loses the loads of clients that hang up.
  const isolates: { readonly client: Client; readonly boundMs: number }[] = [
    { client: await world.isolate({ bindings, replacements }), boundMs: MAX_STALENESS_MS },
    { client: await world.isolate({ bindings, replacements }), boundMs: MAX_STALENESS_MS },
    { client: await world.isolate({ entry: ROOTLESS, replacements }), boundMs: 2000 },
  ]
  const random = seededRandom(7)
  const below = (end: number): number => Math.floor(random() * end)
  world.source.delay = () => below(120)

  const acknowledged = new Map<string, Acknowledged[]>(KEYS.map((key) => [key, []]))
  const violations: Violation[] = []
  const failures: unknown[] = []
  let reads = 0
  let version = 0
  const deadline = performance.now() + LIMIT_MS
  const isOver = (): boolean => reads >= most || violations.length > 0 || performance.now() > deadline

  async function write(): Promise<void> {
    while (!isOver()) {
      const key = KEYS[below(KEYS.length)]!
      const own = ++version
      world.source.rows.set(key, own)
      const token = await isolates[below(isolates.length)]!.client.evict(key)
      acknowledged.get(key)!.push({ version: own, at: performance.now(), token })
      await sleep(below(30))
    }
  }

  async function read(): Promise<void> {
    while (!isOver()) {
      const key = KEYS[below(KEYS.length)]!
      const { client, boundMs } = isolates[below(isolates.length)]!
      const known = acknowledged.get(key)!
      const shown = below(3) === 0 ? known.at(-1) : undefined
      const began = performance.now()
      const old = known.filter((each) => began - each.at > boundMs)
      const expected = Math.max(0, shown?.version ?? 0, ...old.map((each) => each.version))
      if (below(8) === 0) {
        const leave = client.leave(`/cache/rows/${key}`)
        await sleep(below(20))
        leave()
        continue
      }
      const { status, value, body } = await client.read(key, { after: shown?.token })
      reads++
      if (status !== 200) failures.push(body)
      else if (!(typeof value === 'number' && value >= expected)) violations.push({ key, value, expected })
    }
  }

  await Promise.all([...Array.from({ length: WRITERS }, write), ...Array.from({ length: READERS }, read)])
  return { reads, writes: version, violations, failures }
}

describe('three isolates, and everything at once', () => {
  it(
    'serve nothing that was evicted longer ago than maxStaleness, or before the token',
    { timeout: TIMEOUT_MS },
    async () => {
      const { reads, writes, violations, failures } = await storm(700)
      expect(violations).toEqual([])
      expect(failures).toEqual([])
      expect(reads).toBeGreaterThan(100)
      expect(writes).toBeGreaterThan(10)
    },
  )

  it('would, if loads were not fenced', { timeout: TIMEOUT_MS }, async () => {
    const fence: Replacement = {
      file: 'src/coherence/coherent-store.ts',
      from: 'if (reason !== undefined) return this.#refuse(key, reason)\n',
      to: "if (reason !== undefined && reason !== 'fenced') return this.#refuse(key, reason)\n",
    }
    const { violations } = await storm(Infinity, [fence])
    expect(violations.length).toBeGreaterThan(0)
  })
})
