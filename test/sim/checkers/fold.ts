/** I5: the order in which records arrive, and how often they do, makes no difference. @module */
import { chronicleOf, rowOf } from './chronicle.ts'
import type { Chronicle } from './chronicle.ts'
import { evictionLogOf, isNoise } from './eviction-log.ts'
import type { Eviction } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { originOf } from './origin.ts'
import { progressOf } from './progress.ts'
import { killerAtRest } from './rest.ts'
import type { Checker, Row, Trace } from '../trace.ts'

export const fold: Checker = {
  invariant: 'I5',
  promise:
    'evictions in any order, once or often, have one result: at rest isolates hold the same version, or none',
  check(trace) {
    const found = new Findings('I5')
    const chronicle = chronicleOf(trace)
    const log = evictionLogOf(trace)
    const { records } = log
    const progress = progressOf(trace)
    const holders = new Map<string, Chronicle['holds']>()
    for (const held of chronicle.holds) {
      if (held.row === undefined) continue
      const life = chronicle.lives.get(held.isolate)
      const { identity } = trace.scenario.world
      // Documented: an isolate may take a log without an identity for the one that it has replaced.
      if (!identity && life && progress.isUnaware(life, log.partitionOf(held.space) ?? 0, Infinity)) continue
      const of = rowOf(held.space, held.key)
      const list = holders.get(of)
      if (list) list.push(held)
      else holders.set(of, [held])
    }
    if (holders.size === 0) return found
    const inOrder = new Fold(records)
    const inDisorder = new Fold(disordered(records, trace.scenario.seed))
    for (const [of, held] of holders) {
      const [first, ...others] = held
      const row = first!.row!
      const partition = log.partitionOf(row.space) ?? 0
      found.looked += held.length
      for (const other of others) compare(trace, found, of, first!, other)
      // The reference itself: if it depended on order, it could judge no isolate.
      const marks = [inOrder, inDisorder].map((each) => JSON.stringify(each.marksOf(row, partition), sorted))
      if (marks[0] !== marks[1])
        found.broke(first!.t, `the fold of ${of} depends on order: ${marks.join(' and ')}`)
      for (const { t, isolate, row: each } of held) {
        const since = asOfOf(trace, each!)
        const killer = since === undefined ? undefined : inDisorder.kills(each!, partition, since)
        if (killer !== undefined)
          found.broke(
            t,
            `isolate ${isolate} holds version ${each!.version} of ${of} as of ${since}, which the fold evicts at ${killer}`,
          )
      }
    }
    return found
  },
}

type Held = Chronicle['holds'][number]

/** Two isolates that hold the same row hold the same version of it, and the same version is the same value. */
function compare(trace: Trace, found: Findings, of: string, one: Held, other: Held): void {
  const [a, b] = [one.row!, other.row!]
  const what = `isolate ${one.isolate} holds version ${a.version} of ${of}, isolate ${other.isolate} version ${b.version}`
  if (a.version === b.version) {
    if (a.even !== b.even || a.key !== b.key || a.space !== b.space)
      found.broke(other.t, `${what}, with other values`)
    return
  }
  // The writer of a commit died before it evicted: the older version may stay until its TTL ends.
  const isEvicted = (row: Row) =>
    killerAtRest(trace, chronicleOf(trace), evictionLogOf(trace), row) !== undefined
  if (isEvicted(a) || isEvicted(b)) found.broke(other.t, what)
}

/**
 * The place in all that was ever appended, as-of which the row is: everything before it was in the log when the source
 * was read. `undefined` where that is unknown.
 */
function asOfOf(trace: Trace, row: Row): number | undefined {
  const origin = originOf(trace, row)
  if (origin !== undefined) return origin.record && origin.record.seq + 1
  // What was read at the same moment may have been read before or after.
  const { records } = evictionLogOf(trace)
  return records.find(({ t }) => t > row.readAt)?.seq ?? Infinity
}

/** The evictions of a pattern: a maximum and a set, and so the same in any order. */
interface Mark {
  plain: number
  /** By its place, the version that an eviction names. */
  readonly versions: Map<number, number>
}

class Fold {
  readonly #marks = new Map<string, Mark>()
  readonly #prefixes = new Set<string>()

  constructor(records: readonly Eviction[]) {
    for (const record of records) {
      if (isNoise(record)) continue
      const { seq, version } = record
      const namespace = `${record.partition}|${record.namespace ?? '*'}`
      if (record.all) this.#mark(`${namespace}|`, seq, undefined)
      for (const key of record.keys) this.#mark(`${namespace}|k${key}`, seq, version)
      for (const tag of record.tags) this.#mark(`${namespace}|t${tag}`, seq, undefined)
      for (const prefix of record.prefixes) {
        this.#mark(`${namespace}|p${prefix}`, seq, undefined)
        this.#prefixes.add(prefix)
      }
    }
  }

  marksOf({ space, key, even }: Row, partition: number): readonly (readonly [string, Mark])[] {
    const own = `${partition}|${space}|`
    const names = [own, `${own}k${key}`, `${own}t${even ? 'even' : 'odd'}`, `${own}tall`]
    names.push(`${partition}|*|`, `${partition}|*|k${key}`)
    for (const prefix of [...this.#prefixes].sort())
      if (key.startsWith(prefix)) names.push(`${own}p${prefix}`)
    return names.flatMap((name) => {
      const mark = this.#marks.get(name)
      return mark ? [[name, mark] as const] : []
    })
  }

  /** The place of the eviction that kills what is as of `asOf`. */
  kills(row: Row, partition: number, asOf: number): number | undefined {
    for (const [, { plain, versions }] of this.marksOf(row, partition)) {
      if (plain >= asOf) return plain
      // A trace does not show whether a held row has a version of its own: a row with one survives. What a version named
      // before the as-of may still bar, or a delete has taken back, is no matter of the fold.
      for (const [seq, version] of versions) if (seq >= asOf && row.version < version) return seq
    }
    return undefined
  }

  #mark(name: string, seq: number, version: number | undefined): void {
    let mark = this.#marks.get(name)
    if (mark === undefined) this.#marks.set(name, (mark = { plain: -1, versions: new Map() }))
    if (version === undefined) mark.plain = Math.max(mark.plain, seq)
    else mark.versions.set(seq, version)
  }
}

/** Versions by their place, however they came in. */
const sorted = (_: string, value: unknown): unknown =>
  value instanceof Map ? [...(value as Mark['versions'])].toSorted(([one], [other]) => one - other) : value

/** The records in another order, and a part of them twice. */
function disordered(records: readonly Eviction[], seed: number): Eviction[] {
  const all = [...records]
  let state = (seed ^ 0x9e3779b9) >>> 0
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  for (const record of records) if (below(3) === 0) all.push(record)
  for (let at = all.length - 1; at > 0; at--) {
    const other = below(at + 1)
    ;[all[at], all[other]] = [all[other]!, all[at]!]
  }
  return all
}
