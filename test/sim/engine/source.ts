/** The source: rows with versions, commits at a primary, and loads that may read a replica behind it. @module */
import type { Row } from '../trace.ts'
import type { SpaceName } from '../scenario.ts'
import type { Record } from './record.ts'
import type { Random } from './random.ts'
import type { Trouble } from './trouble.ts'
import { places, type Universe } from './universe.ts'

interface Version {
  readonly at: number
  readonly version: number
}

export interface SourceOptions {
  readonly loadMs: number
  readonly replicaLagMs: number
}

/** Whose loads they are. */
export interface Loading {
  readonly isolate: number
  readonly seat: number
  readonly request: number | undefined
}

class SourceError extends Error {
  override readonly name = 'SourceError'
}

export class Source {
  readonly #universe: Universe
  readonly #record: Record
  readonly #trouble: Trouble
  readonly #options: SourceOptions
  readonly #rows = new Map<string, Version[]>()
  readonly #randoms = new Map<number, Random>()
  #loads = 0

  constructor(universe: Universe, record: Record, trouble: Trouble, options: SourceOptions) {
    this.#universe = universe
    this.#record = record
    this.#trouble = trouble
    this.#options = options
  }

  /** What the row is at the primary. */
  version(space: SpaceName, key: string): number {
    return this.#history(space, key).at(-1)!.version
  }

  commit(space: SpaceName, key: string): number {
    const history = this.#history(space, key)
    const version = history.at(-1)!.version + 1
    history.push({ at: this.#universe.now, version })
    this.#record.tell({ type: 'commit', space, key, version })
    return version
  }

  /** To be called where the load runs: it ends with its request. */
  load(by: Loading, space: SpaceName, key: string, signal: AbortSignal | undefined): Promise<Row> {
    const universe = this.#universe
    const trouble = this.#trouble
    const { isolate, seat, request } = by
    const place = places.getStore() ?? universe.outside
    if (place.life?.step() === false) return new Promise<never>(() => undefined)
    const load = ++this.#loads
    this.#record.tell({ type: 'load', load, isolate, request, space, key })
    let random = this.#randoms.get(seat)
    if (!random) this.#randoms.set(seat, (random = universe.randomOf(`loads ${seat}`)))
    const { loadMs, replicaLagMs } = this.#options
    const tookMs = random() * loadMs + trouble.delay('loader_slow', seat, random)
    const readMs = random() * tookMs
    const lagMs = random() < 0.5 ? 0 : random() * replicaLagMs
    const heeds = random() < 0.5
    const fails = trouble.meets('loader_error', seat, random)
    const endless = trouble.meets('loader_endless', seat, random)
    let row: Row | undefined
    let over = false
    universe.after(readMs, () => (row = this.#read(space, key, lagMs)))
    return new Promise((resolve, reject) => {
      const end = (settle: () => void, error?: string) => {
        if (over) return
        over = true
        const loaded = error === undefined ? row : undefined
        this.#record.tell({ type: 'loaded', load, row: loaded, ...(error === undefined ? {} : { error }) })
        settle()
      }
      if (heeds)
        signal?.addEventListener('abort', () => end(() => reject(signal.reason), 'aborted'), { once: true })
      const lost = () => {
        if (!over) this.#record.tell({ type: 'load_lost', load })
        over = true
      }
      const answer = () =>
        fails
          ? end(() => reject(new SourceError('the source is down')), 'SourceError')
          : end(() => resolve(row!))
      if (!endless) universe.at(universe.now + tookMs, place, answer, lost)
    })
  }

  #read(space: SpaceName, key: string, lagMs: number): Row {
    const { now } = this.#universe
    const then = now - lagMs
    const { version } = this.#history(space, key).findLast(({ at }) => at <= then)!
    return { space, key, version, readAt: now, even: version % 2 === 0 }
  }

  #history(space: SpaceName, key: string): Version[] {
    const name = `${space}/${key}`
    let history = this.#rows.get(name)
    if (!history) this.#rows.set(name, (history = [{ at: -Infinity, version: 0 }]))
    return history
  }
}

export const tagsOf = ({ even }: Row): string[] => [even ? 'even' : 'odd', 'all']
