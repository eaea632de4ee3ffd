/** I16: what is acknowledged is in the log. @module */
import { parseToken } from '../../../src/wire/token.ts'
import { EVICTIONS, chronicleOf } from './chronicle.ts'
import type { Chronicle, Write } from './chronicle.ts'
import { meaningOf } from './eviction-log.ts'
import { Findings } from './findings.ts'
import type { Checker } from '../trace.ts'

type Appended = Chronicle['appended'][number]

export const acknowledgement: Checker = {
  invariant: 'I16',
  promise: 'a write resolves only when each of its records stands in the log at the offset that was answered',
  check(trace) {
    const found = new Findings('I16')
    const chronicle = chronicleOf(trace)
    const places = placesOf(chronicle)
    const takenBy = new Map<Appended, number>()
    checkCalls(chronicle, places, found)
    // Where the topic was recreated meanwhile, several records may have stood at a write's place. The write that was
    // acknowledged first takes the first one: if there is one for each write, that finds it.
    const acknowledged = [...chronicle.writes.values()]
      .filter(({ acknowledgedAt }) => acknowledgedAt !== Infinity)
      .toSorted((a, b) => a.settled.seq - b.settled.seq)
    for (const write of acknowledged) {
      const token = tokenOf(write)
      for (const [partition, offset] of token) {
        found.looked++
        const what = `write ${write.write} (${write.how}) was acknowledged at offset ${offset} of partition ${partition}`
        const records = recordsAt(places, EVICTIONS, partition, offset, write.seq, write.settled.seq)
        const own = records.filter(({ text }) => says(text, write))
        const record = own.find((each) => !takenBy.has(each)) ?? own.at(-1) ?? records.at(-1)
        if (record === undefined) {
          found.broke(write.acknowledgedAt, `${what}, where nothing was written meanwhile`)
          continue
        }
        if (!says(record.text, write))
          found.broke(write.acknowledgedAt, `${what}, where something else stands: ${record.text}`)
        const other = takenBy.get(record)
        if (other !== undefined) found.broke(write.acknowledgedAt, `${what}, as write ${other} was`)
        takenBy.set(record, write.write)
      }
      const last = write.offset !== undefined && write.partition !== undefined
      if (last && token.get(write.partition!) !== write.offset)
        found.broke(
          write.acknowledgedAt,
          `the token of write ${write.write} is not of its offset ${write.offset}`,
        )
    }
    return found
  },
}

/** By partition where the write's record stands. */
function tokenOf({ token, partition, offset }: Write): ReadonlyMap<number, number> {
  if (token !== undefined) return new Map([...parseToken(token)].map(([each, next]) => [each, next - 1]))
  // Of services that have no tokens.
  return new Map(partition === undefined || offset === undefined ? [] : [[partition, offset]])
}

function placesOf({ appended }: Chronicle): ReadonlyMap<string, readonly Appended[]> {
  const places = new Map<string, Appended[]>()
  for (const record of appended) {
    const place = `${record.topic}|${record.partition}|${record.offset}`
    const list = places.get(place)
    if (list) list.push(record)
    else places.set(place, [record])
  }
  return places
}

/** What was written to this place between two events. */
function recordsAt(
  places: ReadonlyMap<string, readonly Appended[]>,
  topic: string,
  partition: number,
  offset: number,
  from: number,
  to: number,
): readonly Appended[] {
  const list = places.get(`${topic}|${partition}|${offset}`) ?? []
  return list.filter(({ seq }) => seq > from && seq < to)
}

/** Every produce call that got offsets back: its records stand there, and did not before. */
function checkCalls(
  { calls }: Chronicle,
  places: ReadonlyMap<string, readonly Appended[]>,
  found: Findings,
): void {
  for (const { call, operation, topic, seq, told, toldSeq, toldAt, life } of calls.values()) {
    if (operation !== 'produce' || told === undefined) continue
    const seen = new Set<Appended>()
    for (const { partition, offset } of told.positions) {
      found.looked++
      const record = recordsAt(places, topic, partition, offset, seq, toldSeq).at(-1)
      const what = `produce call ${call} of isolate ${life.isolate} got ${topic}-${partition} offset ${offset}`
      if (record === undefined) found.broke(toldAt, `${what}, where nothing was written meanwhile`)
      else if (seen.has(record)) found.broke(toldAt, `${what} twice`)
      else seen.add(record)
    }
  }
}

/** Whether the record says what the write meant. */
function says(text: string, { evicts, space, key, pattern = '', how, version }: Write): boolean {
  const record = meaningOf(text)
  // What a service writes that does not use kedge may be of a form that no isolate can read: it evicts everything.
  if (record.unreadable) return how === 'foreign'
  if (record.empty || record.intent) return false
  if (evicts === 'everything') return record.all && record.namespace === undefined
  // A service that does not use kedge may leave out the namespace.
  const isOwn = record.namespace === space || (how === 'foreign' && record.namespace === undefined)
  if (!isOwn) return false
  if (evicts === 'namespace') return record.all
  if (evicts === 'tag') return record.tags.includes(pattern)
  if (evicts === 'prefix') return record.prefixes.includes(pattern)
  const isVersioned = how === 'deleteVersion' || how === 'setVersion'
  return record.keys.includes(key) && (!isVersioned || record.version === version)
}
