/**
 * Kafka's range assignor (`RangeAssignor.java`), which every client knows: of each topic a member gets a run of
 * partitions, in the order of the members' ids; the first ones get one more where they do not divide evenly.
 *
 * @module
 */
import type { TopicPartition } from './topic-position.ts'

/**
 * @param members the topics of each, by its id
 * @param partitions how many each topic has; topics that are not there have none
 */
export function rangeAssign(
  members: ReadonlyMap<string, readonly string[]>,
  partitions: ReadonlyMap<string, number>,
): Map<string, TopicPartition[]> {
  const shares = new Map<string, TopicPartition[]>([...members.keys()].map((id) => [id, []]))
  const topics = new Set([...members.values()].flat())
  for (const topic of [...topics].toSorted()) {
    const readers = [...members].flatMap(([id, own]) => (own.includes(topic) ? [id] : [])).toSorted()
    const count = partitions.get(topic) ?? 0
    const each = Math.floor(count / readers.length)
    const more = count % readers.length
    for (const [at, id] of readers.entries()) {
      const first = at * each + Math.min(at, more)
      const end = first + each + (at < more ? 1 : 0)
      for (let partition = first; partition < end; partition++) shares.get(id)!.push({ topic, partition })
    }
  }
  return shares
}
