/**
 * Requests that look, load and fill by hand, in virtual time: their loads take up to a minute, places for loads run out,
 * Kafka goes away, and other callers load the same keys, with or without success.
 */
import { DeferredFills } from '../../../adapters/frameworks/deferred-fill.ts'
import { isKedgeError, KedgeError } from '../../../src/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { world } from '../../src/world.ts'

const STEPS = 80
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']
/** With the longest step, less than the minute that a load may take. */
const MAX_LOAD_MS = 45_000

export interface SlowResult {
  readonly violations: string[]
  readonly reached: { overloaded: number; rejected: number; foundNothing: number; slow: number; hits: number }
}

interface Gate {
  readonly key: string
  readonly since: number
  readonly open: () => void
}

export async function runSlowly(seed: number): Promise<SlowResult> {
  const random = seededRandom(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const at = world({ seed })
  const { runtime } = at
  const here = at.isolate({ maxLoads: pick([3, 12]), onUnreachable: pick(['throw', 'stale'] as const) })
  const there = at.isolate()
  const space = here.cache.namespace<number>('things', { ttl: '1h' })
  const evictions = there.cache.namespace('things')
  const fills = new DeferredFills(space, runtime)
  // Few keys have many requests at once, many keys each a lone one.
  const keys = KEYS.slice(0, pick([2, 6]))
  const rows = new Map(keys.map((key) => [key, 0]))
  const known = new Map<string, number>()
  const violations: string[] = []
  const reached = { overloaded: 0, rejected: 0, foundNothing: 0, slow: 0, hits: 0 }
  const gates: Gate[] = []
  const wait = (key: string) => new Promise<void>((open) => gates.push({ key, since: runtime.now(), open }))

  const request = async (key: string): Promise<void> => {
    const value = await fills.read(key).catch((error: unknown) => {
      if (isKedgeError(error)) reached.rejected++
    })
    if (value !== undefined) return
    const [row, since] = [rows.get(key), runtime.now()]
    await wait(key)
    if (runtime.now() - since > 11_000) reached.slow++
    if (random() < 0.85) await fills.bring(key, random() < 0.1 ? undefined : row)
  }
  const other = async (key: string): Promise<void> => {
    const outcome = pick(['value', 'none', 'error'])
    const load = async (): Promise<number> => {
      const row = rows.get(key)
      await wait(key)
      if (outcome === 'error') throw new Error('down')
      if (outcome === 'none') reached.foundNothing++
      return (outcome === 'none' ? undefined : row) as number
    }
    await space.getOrSet(key, load).catch(() => undefined)
  }
  const catchUp = async (): Promise<void> => {
    // A proof of this same millisecond may be older than the eviction.
    await runtime.advance(1)
    const since = runtime.now()
    await at.run(here.cache.sync())
    // Where Kafka is away it has read nothing.
    if (here.cache.freshness().ageMs > runtime.now() - since) return
    for (const [key, row] of rows) known.set(key, row)
  }
  const evict = async (key: string): Promise<void> => {
    rows.set(key, rows.get(key)! + 1)
    await at.run(evictions.delete(key))
    await catchUp()
  }

  const background: Promise<void>[] = []
  const letOldest = async (key: string): Promise<void> => {
    const oldest = gates.findIndex((gate) => gate.key === key)
    if (oldest >= 0) gates.splice(oldest, 1)[0]!.open()
    await runtime.settle()
  }
  /** A key with one request alone, whose read ends without a value; then an eviction, and a read that is waited for. */
  const loseOne = async (key: string): Promise<void> => {
    rows.set(key, 0)
    const how = pick(['shared', 'full', 'away'])
    const busy = Array.from({ length: how === 'full' ? 12 : 0 }, (_, nth) => `${key} busy ${nth}`)
    background.push(...[...busy, ...(how === 'full' ? [] : [key])].map(other))
    await runtime.settle()
    if (how === 'away') {
      await letOldest(key)
      here.kafka.fail(new KedgeError('ERR_UNREACHABLE', 'away', { retryable: true }))
      await runtime.advance(3000)
    }
    background.push(request(key))
    await runtime.settle()
    if (how === 'shared') await letOldest(key)
    await runtime.advance(how === 'full' ? 11_000 : 1000)
    for (const each of busy) await letOldest(each)
    here.kafka.fail()
    await runtime.advance(how === 'away' ? 10_000 : 1000)
    await evict(key)
    background.push(request(key))
    await runtime.settle()
    await letOldest(key)
  }
  for (let step = 0; step < STEPS; step++) {
    const [key, chance] = [pick(keys), random()]
    if (step % 20 === 19) await loseOne(`lone ${step}`)
    else if (chance < 0.3) background.push(request(key))
    else if (chance < 0.4) background.push(other(key))
    // Others take the places for loads.
    else if (chance < 0.5) background.push(other(`busy ${step}`))
    else if (chance < 0.62) {
      // The worst order: what was begun before an eviction comes while a read after it is waited for.
      await evict(key)
      background.push(request(key))
      await runtime.settle()
      const oldest = gates.findIndex((gate) => gate.key === key)
      if (oldest >= 0) gates.splice(oldest, 1)[0]!.open()
    } else if (chance < 0.75) gates.splice(Math.floor(random() * gates.length), 1)[0]?.open()
    else if (chance < 0.83) await evict(key)
    else if (chance < 0.88)
      here.kafka.fail(pick([undefined, new KedgeError('ERR_UNREACHABLE', 'away', { retryable: true })]))
    else await runtime.advance(pick([1, 100, 3000, 11_500]))
    await runtime.settle()
    for (const gate of gates.filter(({ since }) => runtime.now() - since > MAX_LOAD_MS)) {
      gates.splice(gates.indexOf(gate), 1)
      gate.open()
    }
    await runtime.settle()
    for (const each of rows.keys()) {
      const row = space.peek(each)
      if (row === undefined) continue
      reached.hits++
      if (row < (known.get(each) ?? 0))
        violations.push(`step ${step}: ${each} is ${row} after ${known.get(each)}`)
    }
  }
  here.kafka.fail()
  for (let isOver = false; !isOver;) {
    void Promise.all(background).then(() => (isOver = true))
    for (const gate of gates.splice(0)) gate.open()
    await runtime.advance(1000)
  }
  // Kafka is back, and asked again: the first reads learn it, and load nothing.
  await runtime.advance(61_000)
  await catchUp()
  for (const key of keys) {
    await at.run(fills.read(key))
    await at.run(fills.bring(key, undefined))
  }
  // Nothing is under way any more, and whatever was has had its minute.
  await runtime.advance(61_000)
  for (const key of keys) {
    await evict(key)
    await at.run(fills.read(key))
    if (!(await at.run(fills.bring(key, rows.get(key))))) violations.push(`at rest: ${key} is not held`)
  }
  reached.overloaded = here
    .of('load')
    .filter(({ error }) => isKedgeError(error) && error.code === 'ERR_OVERLOADED').length
  return { violations, reached }
}
