/** The calls to isolates: reads and writes, as their users make them. @module */
import { parseToken } from '../../../src/wire/token.ts'
import type { CacheScope } from '../../../src/api/cache-types.ts'
import type { Entry } from '../../../src/api/read-types.ts'
import type { Namespace } from '../../../src/api/namespace-types.ts'
import { intentsMsOf } from '../features.ts'
import type { ReadStep, SpaceName, WriteStep } from '../scenario.ts'
import type { Row } from '../trace.ts'
import { codeOf } from './port.ts'
import { type Random } from './random.ts'
import type { SimRequest } from './request.ts'
import type { Inhabitant } from './seat.ts'
import { tagsOf } from './source.ts'
import { places } from './universe.ts'
import { EVICTIONS, type World } from './world.ts'
import { writeThrough } from '../../../src/write-paths/index.ts'

type Write = Pick<WriteStep, 'space' | 'key' | 'how' | 'pauseMs'>
type Read = Pick<ReadStep, 'space' | 'key' | 'how' | 'after' | 'bare'>

interface Acknowledged {
  readonly write: number
  readonly token: string
  readonly partition: number
  readonly offset: number
}

/** A call that has not settled. */
interface OpenCall {
  readonly inhabitant: Inhabitant
  readonly request: SimRequest
}

/** One request in an isolate. */
interface Visit {
  readonly inhabitant: Inhabitant
  readonly request: SimRequest
  /** Absent where the trace has no event of the request, and the platform keeps none. */
  readonly number: number | undefined
  readonly scope: CacheScope
}

const MOST = Number.MAX_SAFE_INTEGER
const STRANGERS = [`k1.0-${MOST}`, 'k1.0-1~strange', `k1.0-3.1-${MOST}~0`, `k1.0-1_0-${MOST}`]

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class Calls {
  readonly openReads: Map<number, OpenCall> = new Map()
  readonly openWrites: Map<number, OpenCall> = new Map()
  readonly #world: World
  readonly #acknowledged = new Map<string, Acknowledged>()
  readonly #random: Random
  /** Keys of each space, for calls of many. */
  readonly keys: ReadonlyMap<SpaceName, readonly string[]>

  constructor(world: World) {
    this.#world = world
    this.#random = world.universe.randomOf('calls')
    const keys = new Map<SpaceName, Set<string>>()
    for (const step of world.scenario.steps) {
      if (step.do === 'fault') continue
      const known = keys.get(step.space) ?? new Set()
      keys.set(step.space, known.add(step.key))
    }
    this.keys = new Map([...keys].map(([space, known]) => [space, [...known].toSorted()]))
  }

  /** Calls that a caller still waits for. */
  static waitedFor(open: ReadonlyMap<number, OpenCall>, frozen = true): number[] {
    return [...open]
      .filter(([, { inhabitant, request }]) => inhabitant.life.alive && !request.cancelled)
      .filter(([, { inhabitant }]) => frozen || !inhabitant.life.frozen)
      .map(([number]) => number)
  }

  read(inhabitant: Inhabitant, step: Read): void {
    this.#visit(inhabitant, step.bare ?? false, (visit) => this.#read(visit, step))
  }

  write(inhabitant: Inhabitant, step: Write): void {
    if (step.how === 'foreign') return this.#foreign(inhabitant, step)
    this.#visit(inhabitant, false, (visit) => this.#write(visit, step))
  }

  /** Reads each of these keys until it has a value, then again: as a user does. */
  async readTwice(inhabitant: Inhabitant, space: SpaceName, key: string): Promise<void> {
    for (let times = 0; times < 2; times++) {
      await new Promise<void>((resolve) => {
        this.#visit(inhabitant, false, async (visit) => {
          await this.#read(visit, { space, key, how: 'getOrSet' })
          // Not in the isolate: the caller that waits is outside.
          this.#world.universe.after(0, resolve)
        })
      })
    }
  }

  #visit(inhabitant: Inhabitant, bare: boolean, work: (visit: Visit) => Promise<void>): void {
    const { universe, record } = this.#world
    const { life } = inhabitant
    const id = this.#world.next('requests')
    const request = life.open(id)
    const number = bare && !life.isolatesRequests ? undefined : id
    universe.at(universe.now, request.place, () => {
      if (number !== undefined) record.tell({ type: 'request', isolate: inhabitant.id, request: id })
      const { cache } = inhabitant
      const scope = bare ? cache : cache.for({ waitUntil: request.waitUntil })
      void work({ inhabitant, request, number, scope }).finally(() => request.answer())
    })
  }

  async #read(visit: Visit, { space, key, how, after: wanted, bare }: Read): Promise<void> {
    const { inhabitant, request, number, scope } = visit
    const tell = this.#world.record.of(inhabitant.life)
    const read = this.#world.next('reads')
    const isMany = how === 'getMany' || how === 'getOrSetMany'
    const keys = isMany ? this.#several(space, key) : [key]
    const last = wanted ? this.#acknowledged.get(`${space}/${key}`) : undefined
    const after = last && { write: last.write, partition: last.partition, offset: last.offset }
    // Where there is no write to see yet, the token is of a stranger: of another log, or from beyond the end.
    const stranger = wanted && last === undefined ? STRANGERS[read % STRANGERS.length] : undefined
    const token = last?.token ?? stranger
    const options = token === undefined ? {} : { after: token }
    const isolate = inhabitant.id
    const more = {
      ...(after ? { after } : {}),
      ...(stranger ? { stranger: stranger.includes('~') ? ('elsewhere' as const) : ('ahead' as const) } : {}),
      ...(bare ? { bare } : {}),
    }
    tell({ type: 'read', read, isolate, request: number, how, space, keys, ...more })
    this.openReads.set(read, { inhabitant, request })
    const namespace = scope.namespace<Row>(space)
    try {
      if (isMany) await this.#readMany(visit, namespace, how, read, keys, options)
      else {
        const entry = await this.#readOne(visit, namespace, how, key, options)
        tell({
          type: 'served',
          read,
          key,
          row: entry.value,
          from: entry.value === undefined ? undefined : entry.from,
          flagged: entry.staleBecause,
          bypassed: entry.bypassed,
          stored: entry.stored,
        })
      }
    } catch (error) {
      tell({ type: 'threw', read, code: codeOf(error) })
    }
    if (inhabitant.life.alive) this.openReads.delete(read)
  }

  async #readOne(
    visit: Visit,
    namespace: Namespace<Row>,
    how: Read['how'],
    key: string,
    options: { readonly after?: string },
  ): Promise<Served> {
    const { name } = namespace
    const space = name as SpaceName
    // A held value is read by the plain call: without `getEntry` it is known that it came from memory.
    const held = options.after === undefined ? namespace.peek(key) : undefined
    if (how === 'peek' || held !== undefined) {
      const hit = {
        value: held,
        from: 'memory',
        staleBecause: undefined,
        bypassed: false,
        stored: false,
      } as const
      if (how === 'get' && held !== undefined) return { ...hit, value: await namespace.get(key) }
      if (how === 'getOrSet' && held !== undefined && space !== 'sets')
        return { ...hit, value: await namespace.getOrSet(key, this.#loader(visit, space)) }
      return hit
    }
    const entry: Entry<Row> =
      how === 'get' || space === 'sets'
        ? await namespace.getEntry(key, undefined, options)
        : await namespace.getEntry(key, this.#loader(visit, space), options)
    return { ...entry, from: entry.from, staleBecause: entry.staleBecause }
  }

  async #readMany(
    visit: Visit,
    namespace: Namespace<Row>,
    how: Read['how'],
    read: number,
    keys: readonly string[],
    options: { readonly after?: string },
  ): Promise<void> {
    const { inhabitant } = visit
    const { record, universe, scenario } = this.#world
    const tell = record.of(inhabitant.life)
    const space = namespace.name as SpaceName
    const load = this.#loader(visit, space)
    const loaded = new Set<Row>()
    const before = inhabitant.cache.freshness()
    const found =
      how === 'getMany' || space === 'sets'
        ? await namespace.getMany(keys, options)
        : await namespace.getOrSetMany(
            keys,
            async (missing, { signal }) => {
              const rows = await Promise.all(missing.map((key) => load({ key, signal })))
              for (const row of rows) loaded.add(row)
              return new Map(rows.map((row) => [row.key, row]))
            },
            options,
          )
    const after = inhabitant.cache.freshness()
    const isSure = before.proved && before.error === undefined && after.error === undefined
    for (const key of keys) {
      const row = found.get(key)
      const isOwn = row !== undefined && loaded.has(row)
      const isOld = row !== undefined && universe.now - row.readAt > scenario.world.ttlMs
      const flagged = row === undefined || isOwn || (isSure && !isOld) ? undefined : 'unknown'
      const from = row === undefined ? undefined : isOwn ? 'loader' : undefined
      tell({ type: 'served', read, key, row, from, flagged, bypassed: false, stored: false })
    }
  }

  #loader({ inhabitant, number }: Visit, space: SpaceName) {
    const by = { isolate: inhabitant.id, seat: inhabitant.seat.index, request: number }
    return ({ key, signal }: { key: string; signal: AbortSignal }): Promise<Row> =>
      this.#world.source.load(by, space, key, signal)
  }

  #several(space: SpaceName, key: string): string[] {
    const others = (this.keys.get(space) ?? []).filter((other) => other !== key)
    return [key, ...others.slice(0, 4)]
  }

  async #write(visit: Visit, step: Write): Promise<void> {
    const { source, trouble, record } = this.#world
    const { inhabitant, request } = visit
    const { space, key, how } = step
    const write = this.#world.next('writes')
    this.openWrites.set(write, { inhabitant, request })
    try {
      if (how === 'writeThrough') await this.#through(visit, write, step)
      else {
        const version = how === 'set' || space === 'sets' ? write : source.commit(space, key)
        if (step.pauseMs > 0) await sleep(step.pauseMs)
        if (how !== 'set' && trouble.is('writer_dies', inhabitant.seat.index)) return
        await this.#evict(visit, write, version, step)
      }
    } catch (error) {
      record.of(inhabitant.life)({ type: 'unacknowledged', write, code: codeOf(error) })
    } finally {
      if (inhabitant.life.alive) this.openWrites.delete(write)
    }
  }

  async #evict(visit: Visit, write: number, version: number, { space, key, how }: Write): Promise<void> {
    const { scope } = visit
    const namespace = scope.namespace<Row>(space)
    const row = this.#row(space, key, version)
    const { evicts, pattern } = this.#evicts(how, key, version)
    this.#begins(visit, write, { space, key, how }, version, evicts, pattern)
    const call = (): Promise<string> => {
      if (how === 'set') return namespace.set(key, row)
      if (how === 'setVersion') return namespace.set(key, row, { version })
      if (how === 'deleteVersion') return namespace.delete(key, { version })
      if (how === 'tags') return namespace.invalidateTags(pattern ?? 'all')
      if (how === 'prefix') return namespace.invalidatePrefix(pattern ?? '')
      if (how === 'clear') return namespace.clear()
      return how === 'clearAll' ? scope.clear() : namespace.delete(key)
    }
    this.#acknowledges(visit, write, space, key, await call())
  }

  /** Announced, where writes are; the commit fails where another writer was faster. */
  async #through(visit: Visit, write: number, { space, key, pauseMs }: Write): Promise<void> {
    const { source, universe, trouble } = this.#world
    const { scope, inhabitant } = visit
    const isAnnounced = intentsMsOf(inhabitant.seat.plan, space) > 0
    const row = this.#row(space, key, source.version(space, key) + 1)
    const tellsVersion = this.#random() < 0.5
    const tookMs = pauseMs + this.#random() * 20
    const commit = (settle: () => void, fail: (error: Error) => void): void => {
      const place = places.getStore() ?? universe.outside
      universe.after(tookMs, () => {
        if (source.version(space, key) + 1 !== row.version) {
          return void universe.at(universe.now, place, () => fail(new Conflict('another writer was faster')))
        }
        source.commit(space, key)
        if (trouble.is('writer_dies', inhabitant.seat.index)) return inhabitant.life.die()
        if (!inhabitant.life.alive) return undefined
        this.#begins(visit, write, { space, key, how: 'writeThrough' }, row.version, 'key', undefined)
        return void universe.at(universe.now + this.#random() * 20, place, settle)
      })
    }
    const store = async () => {
      await new Promise<void>(commit)
      return tellsVersion ? { version: row.version } : undefined
    }
    const options = isAnnounced ? {} : { intent: false as const }
    const token = await writeThrough(scope.namespace<Row>(space), key, row, store, options)
    this.#acknowledges(visit, write, space, key, token)
  }

  #row(space: SpaceName, key: string, version: number): Row {
    return { space, key, version, readAt: this.#world.universe.now, even: version % 2 === 0 }
  }

  #evicts(how: Write['how'], key: string, version: number) {
    if (how === 'tags') {
      // A tag of the row as it was, or the one of all rows.
      const [parity] = tagsOf({ even: version % 2 === 1 } as Row)
      return { evicts: 'tag', pattern: this.#random() < 0.5 ? 'all' : parity } as const
    }
    if (how === 'prefix') {
      const at = key.indexOf('/')
      return { evicts: 'prefix', pattern: key.slice(0, at === -1 ? 1 : at + 1) } as const
    }
    if (how === 'clear') return { evicts: 'namespace', pattern: undefined } as const
    return { evicts: how === 'clearAll' ? 'everything' : 'key', pattern: undefined } as const
  }

  #begins(
    { inhabitant, number }: Visit,
    write: number,
    { space, key, how }: Pick<Write, 'space' | 'key' | 'how'>,
    version: number,
    evicts: 'key' | 'tag' | 'prefix' | 'namespace' | 'everything',
    pattern: string | undefined,
  ): void {
    this.#world.record.of(inhabitant.life)({
      type: 'write',
      write,
      isolate: inhabitant.id,
      request: number,
      how,
      space,
      key,
      version,
      evicts,
      ...(pattern === undefined ? {} : { pattern }),
    })
  }

  #acknowledges({ inhabitant }: Visit, write: number, space: SpaceName, key: string, token: string): void {
    if (!inhabitant.life.alive) return
    const partition = this.#world.partitionOf(space)
    const next = parseToken(token).get(partition)
    const offset = next === undefined ? undefined : next - 1
    this.#world.record.tell({ type: 'acknowledged', write, token, partition, offset })
    if (offset !== undefined) this.#acknowledged.set(`${space}/${key}`, { write, token, partition, offset })
  }

  /** A service that knows nothing of kedge, and of its partitions. */
  #foreign(inhabitant: Inhabitant, { space, key, pauseMs }: Write): void {
    const { universe, source, log, record, trouble } = this.#world
    const { latencyMs } = this.#world.scenario.world
    const write = this.#world.next('writes')
    const version = source.commit(space, key)
    const isolate = inhabitant.id
    const way = this.#random() * latencyMs
    universe.after(pauseMs, () => {
      if (trouble.is('writer_dies', inhabitant.seat.index)) return
      record.tell({
        type: 'write',
        write,
        isolate,
        request: undefined,
        how: 'foreign',
        space,
        key,
        version,
        evicts: 'key',
      })
      universe.after(way, () => {
        const text = JSON.stringify({ key, ns: space })
        const partition = this.#world.partitionOf(space)
        let offset = -1
        for (let each = 0; each < this.#world.scenario.world.evictionPartitions; each++) {
          const stored = log.append(EVICTIONS, {
            key: null,
            value: new TextEncoder().encode(text),
            partition: each,
          })
          if (each === partition) ({ offset } = stored)
        }
        universe.after(way, () =>
          record.tell({ type: 'acknowledged', write, token: undefined, partition, offset }),
        )
      })
    })
  }
}

type Served = Pick<Entry<Row>, 'value' | 'bypassed' | 'stored'> & {
  readonly from: Entry<Row>['from'] | undefined
  readonly staleBecause: Entry<Row>['staleBecause'] | undefined
}

class Conflict extends Error {
  override readonly name = 'Conflict'
}
