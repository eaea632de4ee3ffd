/**
 * Mutants of the way of a write: to the log, to its acknowledgement, and back to whoever shows its token.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const PRODUCER = 'src/producer.ts'
const PUBLISHER = 'src/publisher.ts'
const GROUPS = 'src/group-commit.ts'
const WRITER = 'src/writer.ts'
const THROUGH = 'src/write-through.ts'
const INTENTS = 'src/intents.ts'
const TOKEN = 'src/token.ts'
const SCOPE = 'src/scope.ts'
const CACHE = 'src/cache.ts'

export const writeMutants: readonly Mutant[] = [
  {
    id: 'M16',
    what: 'A write through the cache evicts before its commit, not after it.',
    file: THROUGH,
    from: `const ending = await this.#store(write, store)
    if (ending.state === 'committed') {
      const { published, landed } = await this.#evict(write, ending.version)`,
    to: `const early = await this.#evict(write, undefined)
    const ending = await this.#store(write, store)
    if (ending.state === 'committed') {
      const { published, landed } = early`,
    breaks: ['I1', 'I2'],
    hint: ['unit/write-through.test.ts'],
  },
  {
    id: 'acknowledgement-unread',
    what: 'What the log answers to a write is not looked at: an offset of -1, or none at all, will do.',
    file: PRODUCER,
    from: 'if (!holds)\n',
    to: 'if (positions.length > records.length && !holds)\n',
    breaks: ['I16'],
    hint: ['unit/corner-cases.test.ts'],
  },
  {
    id: 'failure-swallowed',
    what: 'A write that was not acknowledged resolves.',
    file: PRODUCER,
    from: "emit?.({ type: 'publish_failed', topic, error: cause })",
    to: `emit?.({ type: 'publish_failed', topic, error: cause })
    if (known !== undefined) return records.map(({ partition = 0 }) => ({ partition, offset: 0 }))`,
    breaks: ['I1', 'I16'],
    hint: ['unit/fills.test.ts'],
  },
  {
    id: 'writes-repeated-blindly',
    what: 'A write that waits to be persisted is repeated though it may be in the log.',
    file: PRODUCER,
    from: "if (topic === writesTopic && error.code !== 'ERR_RATE_LIMITED') throw error",
    to: '',
    breaks: [],
    hint: ['unit/write-behind.test.ts'],
    unseen: 'Writes of the simulated fleets do not wait to be persisted.',
  },
  {
    id: 'first-position-for-all',
    what: 'All records of a call are taken to stand where the first one does.',
    file: GROUPS,
    from: 'positions.get(write)!.push(acknowledged[at]!)',
    to: 'positions.get(write)!.push(acknowledged[at * 0]!)',
    breaks: ['I8', 'I16'],
    hint: ['unit/write-groups.test.ts'],
  },
  {
    id: 'part-of-a-group-lost',
    what: 'A write whose call has failed resolves with the records that were acknowledged.',
    file: GROUPS,
    from: 'if (found.length < (counts.get(write) ?? 0)) write.reject(error)',
    to: 'if (found.length < 0) write.reject(error)',
    breaks: ['I16'],
    hint: ['unit/write-groups.test.ts'],
  },
  {
    id: 'writes-overtake',
    what: 'A value that is written later with the same key may stand in the log before an earlier one.',
    file: GROUPS,
    from: 'const before = ordered.flatMap((key) => this.#unfinished.get(key) ?? [])',
    to: 'const before: Promise<void>[] = []',
    breaks: [],
    hint: ['unit/write-groups.test.ts'],
    unseen: 'Readers go by the as-of, in whatever order values arrive: only what compaction keeps is older.',
  },
  {
    id: 'token-of-the-record-itself',
    what: 'A token names the offset of its eviction, not the one after it.',
    file: PUBLISHER,
    from: 'next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1))',
    to: 'next.set(partition, Math.max(next.get(partition) ?? 0, offset))',
    breaks: ['I8'],
    hint: ['unit/freshness.test.ts'],
  },
  {
    id: 'last-part-lost',
    what: 'Of many keys that are evicted at once those that fill no record of their own are left out.',
    file: PUBLISHER,
    from: 'for (let from = 0; from < ids.length; from += IDS_PER_RECORD) {',
    to: 'for (let from = 0; from === 0 || from + IDS_PER_RECORD <= ids.length; from += IDS_PER_RECORD) {',
    breaks: ['I1'],
    hint: ['unit/cache.test.ts'],
    unseen: 'Writers of the simulated fleets evict one key at a time.',
  },
  {
    id: 'own-eviction-waits-for-the-log',
    what: 'An eviction of our own is not applied here before it comes back by the log.',
    file: WRITER,
    from: 'applyEviction([this.#space], eviction, offset)\n      partition.wrote(offset)',
    to: 'void [eviction, applyEviction]\n      partition.wrote(offset)',
    breaks: ['I2', 'I8'],
    hint: ['unit/cache.test.ts', 'unit/coherence-rule.test.ts'],
  },
  {
    id: 'own-eviction-of-another-log',
    what: 'An own acknowledgement from below the position is taken for one of the same log.',
    file: WRITER,
    from: 'const strange = own.some(({ offset }) => offset < position)',
    to: 'const strange = own.length < 0 && position > 0',
    breaks: ['I1', 'I8'],
    hint: ['unit/corner-cases.test.ts'],
  },
  {
    id: 'own-eviction-of-another-generation',
    what: 'An eviction of our own that was acknowledged by a log which was met anew since leaves its mark.',
    file: WRITER,
    from: 'if (strange || partition.generation !== generation) {',
    to: 'if (strange && partition.generation >= generation) {',
    breaks: ['I11'],
    hint: ['unit/log-identity.test.ts'],
  },
  {
    id: 'no-doubt',
    what: 'After a write whose fate is unknown everything stays as it is.',
    file: WRITER,
    from: 'this.doubt(meant)\n      throw error',
    to: 'throw error',
    breaks: [],
    hint: ['unit/cache.test.ts'],
    unseen: 'An eviction that was not acknowledged promises nothing.',
  },
  {
    id: 'set-as-of-before',
    what: 'A value that is set is as of before its own eviction.',
    file: WRITER,
    from: 'const settled = { ...candidate, asOf: published[0]!.offset + 1 }',
    to: 'const settled = { ...candidate, asOf: published[0]!.offset }',
    breaks: ['I11'],
    hint: ['unit/cache.test.ts'],
  },
  {
    id: 'set-as-of-after-others',
    what: 'A value that is set is as of the end of the log, though others may have evicted it since its own eviction.',
    file: WRITER,
    from: 'const settled = { ...candidate, asOf: published[0]!.offset + 1 }',
    to: 'const settled = { ...candidate, asOf: Math.max(published[0]!.offset + 1, partition.asOf + 1) }',
    breaks: ['I3', 'I4'],
    hint: ['unit/pushed-values.test.ts'],
  },
  {
    id: 'clears-one-partition',
    what: 'Clearing everything goes to the first partition only.',
    file: CACHE,
    from: 'const partitions = Array.from({ length: this.#ground.settings.evictionPartitions }, (_, id) => id)',
    to: 'const partitions = Array.from({ length: Math.min(1, this.#ground.settings.evictionPartitions) }, (_, id) => id)',
    breaks: ['I1'],
    hint: ['unit/cache.test.ts'],
  },
  {
    id: 'late-intent-stored',
    what: 'A store is called though the intent was acknowledged so late that it covers nothing.',
    file: THROUGH,
    from: 'if (ground.timeline.now() - startedAt < limitMs * PATIENCE) {',
    to: 'if (ground.timeline.now() - startedAt >= 0) {',
    breaks: ['I1', 'I2'],
    hint: ['unit/write-through.test.ts'],
  },
  {
    id: 'not-evicted-again',
    what: 'A store that ends after it was given up is not followed by another eviction.',
    file: THROUGH,
    from: 'write.scope.waitUntil(ending.work.catch(() => undefined).then(() => this.#evict(write, undefined)))',
    to: 'write.scope.waitUntil(ending.work.catch(() => undefined))',
    breaks: ['I1'],
    hint: ['unit/write-through.test.ts'],
  },
  {
    id: 'written-as-of-the-eviction',
    what: 'A value that was written through is as of after its own eviction, though others may have written since.',
    file: THROUGH,
    from: 'this.#keep(write, { ...candidate(ending.version), ...before }, published[0]!.offset)',
    to: `const asOf = published.at(-1)!.offset + 1
        this.#keep(write, { ...candidate(ending.version), ...before, asOf }, published[0]!.offset)`,
    breaks: ['I3', 'I4'],
    hint: ['unit/write-through.test.ts'],
  },
  {
    id: 'store-without-intent',
    what: 'The store is called before its intent is in the log.',
    file: THROUGH,
    from: `const before = await this.#announce(write)
    const ending = await this.#store(write, store)`,
    to: `const [before, ending] = await Promise.all([this.#announce(write), this.#store(write, store)])`,
    breaks: ['I1', 'I2'],
    hint: ['unit/write-through.test.ts'],
  },
  {
    id: 'shared-beside-others',
    what: 'A value that was written through is shared without knowing whether somebody else has written it meanwhile.',
    file: THROUGH,
    from: 'if (knows && stands) await publisher.update(this.#space, key, candidate)',
    to: 'if (knows || stands) await publisher.update(this.#space, key, candidate)',
    breaks: [],
    hint: ['unit/write-through.test.ts'],
    unseen: 'Readers go by the as-of, in whatever order values arrive: only what compaction keeps is older.',
  },
  {
    id: 'closed-intents-forgotten',
    what: 'An intent that was closed before it was met bars its keys.',
    file: INTENTS,
    from: 'this.#closed.add(id)',
    to: '',
    breaks: ['I11'],
    hint: ['unit/intents.test.ts'],
  },
  {
    id: 'too-many-intents',
    what: 'Intents beyond the limit are forgotten, and bar nothing.',
    file: INTENTS,
    from: 'this.#until = Math.max(this.#until, until)',
    to: 'void until',
    breaks: ['I1', 'I2'],
    hint: ['unit/intents.test.ts'],
    unseen: 'More than a thousand writes at once are more than a simulated fleet makes.',
  },
  {
    id: 'one-intent-of-many',
    what: 'The end of one intent is that of all others of its key.',
    file: INTENTS,
    from: 'if (ids?.size === 0) this.#byKey.delete(key)',
    to: 'this.#byKey.delete(key)',
    breaks: ['I1', 'I2'],
    hint: ['unit/intents.test.ts'],
  },
  {
    id: 'tokens-joined-by-the-last',
    what: 'Of two tokens the later one in the list wins, not the further one.',
    file: TOKEN,
    from: 'joined.set(partition, Math.max(offset, joined.get(partition) ?? 0))',
    to: 'joined.set(partition, offset)',
    breaks: ['I8'],
    hint: ['unit/token.test.ts'],
  },
  {
    id: 'token-of-the-request-ignored',
    what: 'The token that a request came with is not asked of its reads.',
    file: SCOPE,
    from: 'const own = this.#after?.get(partition) ?? 0',
    to: 'const own = 0',
    breaks: ['I8'],
    hint: ['unit/scope.test.ts'],
  },
]
