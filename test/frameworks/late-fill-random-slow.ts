/**
 * Requests that look, load and fill by hand, in virtual time: their loads take up to a minute, places for loads run out,
 * Kafka goes away, and other callers load the same keys, with or without success.
 */
import { LateFills } from '../../adapters/late-fill.ts'
import { isKedgeError, KedgeError } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { world } from '../unit/world.ts'

const STEPS = 80
const KEYS = ['a', 'b']
/** With the longest step, less than the minute that a load may take. */
const MAX_LOAD_MS = 45_000

export interface SlowResult {
  readonly violations: string[]
  readonly reached: { overloaded: number; rejected: number; foundNothing: number; slow: number; hits: number }
}

interface Gate {
  readonly since: number
  readonly open: () => void
}

export async function runSlowly(seed: number): Promise<SlowResult> {
  const random = seededRandom(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const at = world({ seed })
  const { runtime } = at
  const here = at.isolate({ maxLoads: 2, onUnreachable: pick(['throw', 'stale'] as const) })
  const there = at.isolate()
  const space = here.cache.namespace<number>('things', { ttl: '1h' })
  const evictions = there.cache.namespace('things')
  const fills = new LateFills(space, runtime)
  const rows = new Map(KEYS.map((key) => [key, 0]))
  const known = new Map<string, number>()
  const violations: string[] = []
  const reached = { overloaded: 0, rejected: 0, foundNothing: 0, slow: 0, hits: 0 }
  const gates: Gate[] = []
  const wait = () => new Promise<void>((open) => gates.push({ since: runtime.now(), open }))

  const request = async (key: string): Promise<void> => {
    const value = await fills.read(key).catch((error: unknown) => {
      if (isKedgeError(error)) reached.rejected++
    })
    if (value !== undefined) return
    const [row, since] = [rows.get(key), runtime.now()]
    await wait()
    if (runtime.now() - since > 11_000) reached.slow++
    if (random() < 0.85) await fills.bring(key, random() < 0.1 ? undefined : row)
  }
  const other = async (key: string): Promise<void> => {
    const outcome = pick(['value', 'none', 'error'])
    const load = async (): Promise<number> => {
      const row = rows.get(key)
      await wait()
      if (outcome === 'error') throw new Error('down')
      if (outcome === 'none') reached.foundNothing++
      return (outcome === 'none' ? undefined : row) as number
    }
    await space.getOrSet(key, load).catch(() => undefined)
  }
  const catchUp = async (): Promise<void> => {
    // A proof of this same millisecond may be of before the eviction.
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
  for (let step = 0; step < STEPS; step++) {
    const [key, chance] = [pick(KEYS), random()]
    if (chance < 0.35) background.push(request(key))
    else if (chance < 0.45) background.push(other(key))
    // Others take the places for loads.
    else if (chance < 0.53) background.push(other(`busy ${step}`))
    else if (chance < 0.75) gates.splice(Math.floor(random() * gates.length), 1)[0]?.open()
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
    for (const each of KEYS) {
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
  for (const key of KEYS) {
    await at.run(fills.read(key))
    await at.run(fills.bring(key, undefined))
  }
  // Nothing is under way any more, and whatever was has had its minute.
  await runtime.advance(61_000)
  for (const key of KEYS) {
    await evict(key)
    await at.run(fills.read(key))
    if (!(await at.run(fills.bring(key, rows.get(key))))) violations.push(`at rest: ${key} is not held`)
  }
  reached.overloaded = here
    .of('load')
    .filter(({ error }) => isKedgeError(error) && error.code === 'ERR_OVERLOADED').length
  return { violations, reached }
}
