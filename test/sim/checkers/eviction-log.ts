/**
 * What stood in the evictions topic, and which records evict a row.
 *
 * @module
 */
import { gunzipSync } from 'node:zlib'
import { EVICTIONS, chronicleOf, firstAbove } from './chronicle.ts'
import type { Chronicle, Write } from './chronicle.ts'
import type { Row, Trace } from '../trace.ts'

/** A record of the evictions topic. */
export interface Eviction {
  readonly seq: number
  readonly t: number
  readonly partition: number
  readonly offset: number
  /** Counts the logs that the topic has been, from 0. */
  readonly epoch: number
  /** `undefined`: all. */
  readonly namespace: string | undefined
  readonly all: boolean
  readonly keys: readonly string[]
  readonly tags: readonly string[]
  readonly prefixes: readonly string[]
  readonly version: number | undefined
  readonly intent: boolean
  /** An announced expiry: nothing changed at the source, and its author ignores it. */
  readonly expiry: boolean
  /** Evicts nothing. */
  readonly empty: boolean
  /** Of a service that knows nothing of partitions: it stands in each. */
  readonly simple: boolean
  /** What it evicts depends on its record key. */
  readonly unreadable: boolean
  /** It stands under this key, which it does not name: a namespace of that name is evicted as well. */
  readonly routedTo: string | undefined
}

export interface EvictionLog {
  /** In the order in which they were appended. */
  readonly records: readonly Eviction[]
  /** When the topic was recreated: epoch `n` began at `recreations[n - 1]`. */
  readonly recreations: readonly { readonly seq: number; readonly t: number }[]
  /** The last record that was appended at this place until then. */
  at(partition: number, offset: number, seq: number): Eviction | undefined
  /** Where a namespace lives, as far as an acknowledgement or a record has shown. */
  partitionOf(space: string): number | undefined
  /** Lists of evictions that match the row, each in order of appending. */
  matching(row: Pick<Row, 'space' | 'key' | 'even'>): readonly (readonly Eviction[])[]
  /** Offsets appended to the partition, in order of appending. */
  ofPartition(partition: number): readonly Eviction[]
}

const known = new WeakMap<Trace, EvictionLog>()

export function evictionLogOf(trace: Trace): EvictionLog {
  let log = known.get(trace)
  if (log === undefined) {
    log = read(chronicleOf(trace))
    known.set(trace, log)
  }
  return log
}

const NOTHING = {
  namespace: undefined,
  all: false,
  keys: [],
  tags: [],
  prefixes: [],
  version: undefined,
  intent: false,
  expiry: false,
  empty: false,
  simple: false,
  unreadable: false,
  routedTo: undefined,
}

type Meaning = Omit<Eviction, 'seq' | 't' | 'partition' | 'offset' | 'epoch'>

const NAMESPACE = /^[A-Za-z0-9._-]{1,64}$/

/** What a record means. */
export function meaningOf(text: string): Meaning {
  // The most frequent record of a quiet log.
  if (text.startsWith('{"v":1,"op":"beat"')) return { ...NOTHING, empty: true }
  let message: Record<string, unknown>
  try {
    message = JSON.parse(plain(text)) as Record<string, unknown>
  } catch {
    return { ...NOTHING, unreadable: true }
  }
  if (typeof message !== 'object' || message === null) return { ...NOTHING, unreadable: true }
  const namespace = typeof message['ns'] === 'string' ? message['ns'] : undefined
  const list = (name: string) => (Array.isArray(message[name]) ? (message[name] as string[]) : [])
  if (message['v'] === 1 && message['op'] === 'beat') return { ...NOTHING, empty: true }
  if (message['v'] === 1 && message['op'] === 'clear') return { ...NOTHING, namespace, all: true }
  if (message['v'] === 1 && message['op'] === 'intent')
    return { ...NOTHING, namespace, keys: list('keys'), intent: true }
  if (message['v'] === 1 && message['op'] === 'evict') {
    const version = typeof message['version'] === 'number' ? message['version'] : undefined
    const [keys, tags, prefixes] = [list('keys'), list('tags'), list('prefixes')]
    const ids = [...keys, ...tags, ...prefixes]
    if (ids.length > 0 && !ids.includes('') && namespace !== undefined && NAMESPACE.test(namespace))
      return { ...NOTHING, namespace, keys, tags, prefixes, version, expiry: message['why'] === 'ttl' }
  }
  const { key } = message
  if (!('op' in message) && (typeof key === 'string' || typeof key === 'number'))
    return { ...NOTHING, namespace, keys: [String(key)], simple: true }
  return { ...NOTHING, unreadable: true }
}

/** Bytes that a proxy cannot carry as they are stand in text. */
const WRAPPED = 'kedge-base64:'

function plain(text: string): string {
  if (!text.startsWith(WRAPPED)) return text
  const bytes = Buffer.from(text.slice(WRAPPED.length), 'base64')
  return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString()
}

/** Whether no isolate must drop anything for it. */
export const isNoise = ({ empty, unreadable, expiry, intent }: Eviction): boolean =>
  empty || unreadable || expiry || intent

class Evictions implements EvictionLog {
  readonly records: Eviction[] = []
  readonly recreations: { readonly seq: number; readonly t: number }[] = []
  readonly #places = new Map<string, Eviction[]>()
  readonly #lists = new Map<string, Eviction[]>()
  readonly #prefixes = new Map<string, Set<string>>()
  readonly #partitions = new Map<string, number>()
  readonly #byPartition = new Map<number, Eviction[]>()
  readonly #matches = new Map<string, readonly (readonly Eviction[])[]>()

  add(eviction: Eviction): void {
    const { partition, offset, namespace } = eviction
    this.records.push(eviction)
    push(this.#places, `${partition}-${offset}`, eviction)
    const list = this.#byPartition.get(partition)
    if (list) list.push(eviction)
    else this.#byPartition.set(partition, [eviction])
    // An intent shows where its namespace lives as well as an eviction does.
    const isOwn = !eviction.simple && !eviction.unreadable && !eviction.empty
    if (namespace !== undefined && isOwn && !this.#partitions.has(namespace))
      this.#partitions.set(namespace, partition)
    // Expiries and foreign noise cost misses, and promise nothing. (Evictions of an aborted transaction count: they are
    // read uncommitted.)
    if (isNoise(eviction)) return
    const of = `${partition}|${namespace ?? ''}|`
    if (eviction.all) push(this.#lists, of, eviction)
    for (const key of eviction.keys) push(this.#lists, `${of}k${key}`, eviction)
    for (const tag of eviction.tags) push(this.#lists, `${of}t${tag}`, eviction)
    for (const prefix of eviction.prefixes) {
      push(this.#lists, `${of}p${prefix}`, eviction)
      const prefixes = this.#prefixes.get(of)
      if (prefixes) prefixes.add(prefix)
      else this.#prefixes.set(of, new Set([prefix]))
    }
  }

  /** A write of evictions of a namespace shows in which partition the namespace lives. */
  places(space: string, partition: number): void {
    this.#partitions.set(space, partition)
  }

  at(partition: number, offset: number, seq: number): Eviction | undefined {
    const found = this.#places.get(`${partition}-${offset}`) ?? []
    return found[firstAbove(found, seq, (each) => each.seq) - 1]
  }

  partitionOf(space: string): number | undefined {
    return this.#partitions.get(space)
  }

  ofPartition(partition: number): readonly Eviction[] {
    return this.#byPartition.get(partition) ?? []
  }

  matching({ space, key, even }: Pick<Row, 'space' | 'key' | 'even'>): readonly (readonly Eviction[])[] {
    const id = `${space}|${key}|${even}`
    let found = this.#matches.get(id)
    if (found !== undefined) return found
    const partition = this.#partitions.get(space)
    const own = `${partition}|${space}|`
    const every = `${partition}||`
    const prefixes = [...(this.#prefixes.get(own) ?? [])].filter((prefix) => key.startsWith(prefix))
    const names = [
      own,
      `${own}k${key}`,
      `${own}t${even ? 'even' : 'odd'}`,
      `${own}tall`,
      every,
      `${every}k${key}`,
    ]
    for (const prefix of prefixes) names.push(`${own}p${prefix}`)
    found = names.flatMap((name) => {
      const list = this.#lists.get(name)
      return list ? [list] : []
    })
    this.#matches.set(id, found)
    return found
  }
}

function push(lists: Map<string, Eviction[]>, name: string, eviction: Eviction): void {
  const list = lists.get(name)
  if (list) list.push(eviction)
  else lists.set(name, [eviction])
}

function read({ appended, changes, writes }: Chronicle): EvictionLog {
  const log = new Evictions()
  for (const { space, partition } of writes.values())
    if (partition !== undefined) log.places(space, partition)
  const own = changes.filter(({ topic }) => topic === EVICTIONS)
  for (const change of own)
    if (change.change === 'recreated') log.recreations.push({ seq: change.seq, t: change.t })
  for (const { topic, seq, t, partition, offset, text, key } of appended) {
    if (topic !== EVICTIONS) continue
    // Counted by the recreations: a log without records is one as well.
    const epoch = firstAbove(log.recreations, seq, (each) => each.seq)
    log.add({ ...meaningOf(text), routedTo: key, seq, t, partition, offset, epoch })
  }
  return log
}

/** The record that an acknowledged write stands for. */
export function recordOf(log: EvictionLog, write: Write): Eviction | undefined {
  const { partition, offset, space, key, settled } = write
  if (partition === undefined || offset === undefined) return undefined
  const last = log.at(partition, offset, settled.seq)
  // Where the topic was recreated since, another record may stand at the same place by now.
  for (
    let at: Eviction | undefined = last;
    at && at.seq > write.seq;
    at = log.at(partition, offset, at.seq - 1)
  ) {
    const isOwn = at.namespace === undefined || at.namespace === space
    if (isOwn && (write.evicts !== 'key' || at.keys.includes(key))) return at
  }
  return last
}
