/** Isolates that read and write rows of a source through caches, and report to the checker all they do. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cache } from '../../src/index.ts'
import type { FaultChecker } from './fault-checker.ts'

const KEYS: readonly string[] = Array.from({ length: 8 }, (_, n) => `row${n}`)
/** Of how many loads one is so slow that evictions meet it under way. */
const SLOW_LOADS = 0.03
/** Of how many reads one asks for a write to be seen. */
const TOKEN_READS = 0.05

export interface Load {
  readonly checker: FaultChecker
  readonly signal: AbortSignal
  /** Whether writers pause. */
  readonly quiet: () => boolean
}

/** The rows of the source, by their version. Each write is committed here, and evicted then. */
export class Source {
  readonly #rows = new Map<string, number>(KEYS.map((key) => [key, 0]))

  /** A load, as a database would do it: it sees what is committed when it begins. */
  async load(key: string): Promise<number> {
    const version = this.#rows.get(key)!
    const slow = Math.random() < SLOW_LOADS
    await sleep(slow ? 200 + Math.random() * 2300 : Math.random() * 20)
    return version
  }

  commit(key: string): number {
    const version = this.#rows.get(key)! + 1
    this.#rows.set(key, version)
    return version
  }
}

const anyKey = (): string => KEYS[Math.floor(Math.random() * KEYS.length)]!

export async function reads(cache: Cache, who: string, source: Source, load: Load): Promise<void> {
  while (!load.signal.aborted) {
    const key = anyKey()
    await readOnce(cache, who, source, load.checker, key, Math.random() < TOKEN_READS)
    await sleep(Math.random() * 10)
  }
}

/** Every row once, each with the token of its newest write. */
export async function readsAll(
  cache: Cache,
  who: string,
  source: Source,
  checker: FaultChecker,
): Promise<void> {
  for (const key of KEYS) await readOnce(cache, who, source, checker, key, true)
}

async function readOnce(
  cache: Cache,
  who: string,
  source: Source,
  checker: FaultChecker,
  key: string,
  withToken: boolean,
): Promise<void> {
  const after = withToken ? checker.newest(key) : undefined
  const began = performance.now()
  try {
    const rows = cache.namespace<number>('rows')
    const options = after ? { after: after.token } : {}
    const entry = await rows.getEntry(key, () => source.load(key), options)
    const { cached, staleBecause } = entry
    const flagged = staleBecause === 'unreachable'
    const version = entry.value ?? -1
    checker.reads({ who, key, version, began, ended: performance.now(), cached, flagged, after })
  } catch (error) {
    checker.readFails(who, key, error)
  }
}

export async function writes(cache: Cache, source: Source, load: Load): Promise<void> {
  const rows = cache.namespace<number>('rows')
  while (!load.signal.aborted) {
    if (load.quiet()) {
      await sleep(10)
      continue
    }
    const key = anyKey()
    const publish = load.checker.begins(key, source.commit(key), performance.now())
    try {
      const token = await rows.delete([key, publish.mark])
      load.checker.acknowledges(publish, token, performance.now())
    } catch (error) {
      load.checker.fails(publish, error, performance.now())
    }
    await sleep(20 + Math.random() * 60)
  }
}
