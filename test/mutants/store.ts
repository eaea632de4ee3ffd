/**
 * Mutants of the store, whose bounds must hold at every step, and of the time that values live by.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const STORE = 'src/store.ts'
const TIMELINE = 'src/timeline.ts'

export const storeMutants: readonly Mutant[] = [
  {
    id: 'bytes-uncounted',
    what: 'The bytes of a value are not counted when it is set.',
    file: STORE,
    from: 'this.bytes += entry.bytes\n    this.#budget.entries++',
    to: 'this.#budget.entries++',
    breaks: ['I9'],
    hint: ['unit/store.test.ts'],
  },
  {
    id: 'budget-not-enforced',
    what: 'What all namespaces hold together is not bounded.',
    file: STORE,
    from: 'this.#budget.enforce(this, key)',
    to: '',
    breaks: ['I9'],
    hint: ['unit/store.test.ts'],
  },
  {
    id: 'entries-unbounded',
    what: 'The number of entries is not looked at, only their bytes.',
    file: STORE,
    from: 'while (this.entries > this.limits.maxEntries || this.bytes > this.limits.maxBytes) {',
    to: 'while (this.bytes > this.limits.maxBytes) {',
    breaks: ['I9'],
    hint: ['unit/store.test.ts'],
  },
  {
    id: 'share-not-enforced',
    what: 'A namespace may hold more bytes than its share.',
    file: STORE,
    from: 'if (over > 0) this.evict(1, over, over + this.limits.maxBytes * SLACK, key)',
    to: 'void over',
    breaks: ['I9'],
    hint: ['unit/store.test.ts'],
  },
  {
    id: 'two-generations',
    what: 'The LRU is given the whole limit, and holds up to twice as many.',
    file: STORE,
    from: 'maxSize: Math.floor((limits.maxEntries + 1) / 2),',
    to: 'maxSize: limits.maxEntries,',
    breaks: ['I9'],
    hint: ['unit/store.test.ts'],
  },
  {
    id: 'replaced-counted-twice',
    what: 'A value that replaces another one is counted beside it.',
    file: STORE,
    from: 'this.delete(key)\n    this.entries++',
    to: 'this.entries++',
    breaks: ['I9', 'I11'],
    hint: ['unit/store.test.ts'],
  },
  {
    id: 'budget-leaks',
    what: 'The bytes of what goes are not given back to the common budget: in the end nothing can be held.',
    file: STORE,
    from: 'this.#budget.bytes -= entry.bytes',
    to: '',
    breaks: ['I9', 'I11'],
    hint: ['unit/store.test.ts'],
  },
  {
    id: 'evicts-what-was-just-set',
    what: 'Where everything must go, so does the value that was just set.',
    file: STORE,
    from: 'if (key === keep) continue',
    to: '',
    breaks: ['I11'],
    hint: ['unit/store-room.test.ts'],
  },
  {
    id: 'sweep-skips',
    what: 'A sweep leaves the value that was used last.',
    file: STORE,
    from: 'for (const [key, entry] of Array.from(this.#lru.entriesAscending())) {',
    to: 'for (const [key, entry] of Array.from(this.#lru.entriesAscending()).slice(0, -1)) {',
    breaks: ['I1', 'I4'],
    hint: ['unit/store.test.ts'],
  },
  {
    id: 'wall-clock-alone',
    what: 'Time goes back with the wall clock: what has expired is fresh again.',
    file: TIMELINE,
    from: 'if (!(now >= least)) {',
    to: 'if (Number.isNaN(now)) {',
    breaks: ['I1', 'I10'],
    hint: ['unit/timeline.test.ts'],
  },
  {
    id: 'monotonic-clock-alone',
    what: 'Only the monotonic clock is believed, which may stand still while a process is frozen.',
    file: TIMELINE,
    from: 'if (!(now >= least)) {',
    to: 'if (now !== least) {',
    breaks: ['I1', 'I10'],
    hint: ['unit/timeline.test.ts'],
  },
  {
    id: 'jumps-believed',
    what: 'Hits believe the wall clock also where it steps back.',
    file: TIMELINE,
    from: 'if (!(step >= 0 && step <= STEP_MS && now - this.#syncedAt < BOTH_EVERY_MS)) return this.#compare(wall)',
    to: 'if (Number.isNaN(step)) return this.#compare(wall)',
    breaks: ['I1', 'I10'],
    hint: ['unit/timeline.test.ts'],
  },
  {
    id: 'turn-without-end',
    what: 'The time of a synchronous turn is used by later ones.',
    file: TIMELINE,
    from: 'this.#turnUses = 0\n  }\n',
    to: '}\n',
    breaks: ['I1', 'I10'],
    hint: ['unit/timeline.test.ts'],
  },
]
