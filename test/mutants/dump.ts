/**
 * Mutants of what isolates hand each other over HTTP: what a dump says, how it is judged, and what streams tell.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const APPLIER = 'src/replicate/dump/dump-applier.ts'
const WRITER = 'src/replicate/dump/dump-writer.ts'
const PREWARM = 'src/replicate/prewarm-from.ts'
const FEED = 'worker/bulk/eviction-feed.ts'
const FILL_TESTS = 'src/replicate/prewarm-from.test.ts'
const WRITER_TESTS = 'src/replicate/dump-writer.test.ts'
const RANDOM_TESTS = 'fleets/random-dump.test.ts'
const FEED_TESTS = 'worker/bulk/eviction-feed.test.ts'
/** The isolates of the simulator have no HTTP between them. */
const unseen = 'No isolate of a simulated fleet asks another one.'

export const dumpMutants: readonly Mutant[] = [
  {
    id: 'dump-after-a-resync',
    what: 'A dump that was asked for before a resync is judged as if it had been asked for after it.',
    file: APPLIER,
    from: '{ writtenAt, generation })',
    to: '{ writtenAt })\n  void generation',
    breaks: ['I2', 'I3'],
    hint: [FILL_TESTS],
    unseen,
  },
  {
    id: 'dump-of-two-logs',
    what: 'A line is held whose log is not the one that the first line names.',
    file: APPLIER,
    from: 'if (arrived.asOf === undefined || arrived.logId !== logId) return',
    to: 'if (arrived.asOf === undefined) return',
    breaks: ['I2', 'I3'],
    hint: [FILL_TESTS],
    unseen,
  },
  {
    id: 'dump-believed',
    what: 'The neighbour is taken to have applied every eviction to its values.',
    file: APPLIER,
    from: 'knownTo: known }',
    to: 'knownTo: known < 0 ? known : Number.MAX_SAFE_INTEGER }',
    breaks: ['I1', 'I2', 'I3'],
    hint: [FILL_TESTS, RANDOM_TESTS],
    unseen,
  },
  {
    id: 'dump-by-the-clock-of-the-neighbour',
    what: 'How much of its time is left to a value is read off the clock of the neighbour.',
    file: APPLIER,
    from: 'const writtenAt = askedAt - (message.ttl - message.left)',
    to: 'const writtenAt = askedAt',
    breaks: ['I10'],
    hint: [FILL_TESTS],
    unseen,
  },
  {
    id: 'dump-without-proof',
    what: 'The values of a dump are held though freshness could not be proved after it.',
    file: PREWARM,
    from: 'judged by what it knew.\n    if (!(await follower.sync(root, signal))) throw unproved()',
    to: 'judged by what it knew.\n    await follower.sync(root, signal)',
    breaks: ['I7'],
    hint: [FILL_TESTS],
    unseen,
  },
  {
    id: 'dump-of-what-is-not-read',
    what: 'A dump says that what the isolate has not read yet was applied to its values.',
    file: WRITER,
    from: 'position: this.#space.partition.position, left }',
    to: 'position: this.#space.partition.asOf, left }',
    breaks: ['I1', 'I2', 'I3'],
    hint: [WRITER_TESTS, RANDOM_TESTS],
    unseen,
  },
  {
    id: 'dump-goes-on-in-another-log',
    what: 'A dump goes on after the log was resynced, under the name of the one before.',
    file: WRITER,
    from: 'return this.#isStopped || this.#space.partition.generation !== this.#generation',
    to: 'return this.#isStopped',
    breaks: ['I2', 'I3'],
    hint: [WRITER_TESTS],
    unseen,
  },
  {
    id: 'feed-ahead-of-the-position',
    what: 'A feed tells and passes evictions that were applied ahead, before those that stand before them.',
    file: FEED,
    from: 'filter(([offset]) => offset < position)',
    to: 'filter(([offset]) => offset <= position + 1)',
    breaks: [],
    hint: [FEED_TESTS],
    unseen,
  },
  {
    id: 'feed-of-any-log',
    what: 'A client goes on in another log than the one that it has read.',
    file: FEED,
    from: 'log === SEVERAL_LOGS || log !== own) return',
    to: 'log === SEVERAL_LOGS) return',
    breaks: [],
    hint: [FEED_TESTS],
    unseen,
  },
  {
    id: 'feed-forgets-silently',
    what: 'A client goes on though evictions that it has not read are forgotten.',
    file: FEED,
    from: 'this.#from = gone.offset + 1',
    to: 'void gone',
    breaks: [],
    hint: [FEED_TESTS],
    unseen,
  },
  {
    id: 'feed-across-a-rewind',
    what: 'A client goes on by an offset that names another record since the log was rewound.',
    file: FEED,
    from: "return was !== undefined && was.log === own && read <= was.to ? 'gap' : read",
    to: 'return was === undefined ? read : read',
    breaks: [],
    hint: [FEED_TESTS],
    unseen,
  },
]
