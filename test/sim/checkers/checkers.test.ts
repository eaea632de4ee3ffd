/** Each checker passes what keeps its promise, and fails what does not: on traces made by hand. */
import { describe, expect, it } from 'vitest'
import type { WorldPlan } from '../scenario.ts'
import type { Checker } from '../trace.ts'
import { CHECKERS, compare } from './index.ts'
import { TraceBuilder, row } from './trace-builder.ts'

type Story = (trace: TraceBuilder) => void
interface Case {
  readonly world?: Partial<WorldPlan>
  readonly story: Story
}
type Stories = Readonly<Record<string, Story | Case>>

const checkerOf = (invariant: string): Checker => CHECKERS.find((each) => each.invariant === invariant)!

function check(invariant: string, told: Story | Case) {
  const { story, world } = typeof told === 'function' ? { story: told, world: undefined } : told
  const builder = new TraceBuilder(world)
  story(builder)
  return checkerOf(invariant).check(builder.trace)
}

function promises(invariant: string, kept: Stories, broken: Stories): void {
  describe(`${invariant}: ${checkerOf(invariant).promise}`, () => {
    for (const [name, told] of Object.entries(kept))
      it(`passes ${name}`, () => {
        const { violations, looked } = check(invariant, told)
        expect(violations).toEqual([])
        expect(looked).toBeGreaterThan(0)
      })
    for (const [name, told] of Object.entries(broken))
      it(`fails ${name}`, () => {
        const { violations } = check(invariant, told)
        expect(violations.length).toBeGreaterThan(0)
        for (const violation of violations) expect(violation.invariant).toBe(invariant)
      })
  })
}

/** Version 1 is evicted at 1000; what follows happens in an isolate that may not know of it. */
const after =
  (
    then: (trace: TraceBuilder, isolate: number) => void,
    plan: Parameters<TraceBuilder['isolate']>[0] = {},
  ): Story =>
  (trace) => {
    const isolate = trace.isolate(plan)
    const writer = trace.isolate()
    trace.at(1000).evict(writer)
    then(trace, isolate)
  }

promises(
  'I1',
  {
    'an old version within maxStaleness': after((trace, i) => trace.at(1990).served(i, row(0, 500))),
    'the new version later': after((trace, i) => trace.at(9000).served(i, row(1, 8000))),
    'an old version of a commit that no eviction follows': (trace) => {
      const i = trace.isolate()
      trace.at(1000).commit('a', 1).at(9000).served(i, row(0, 500))
    },
    'an old version that is flagged, within maxOutage': after((trace, i) =>
      trace.at(5900).served(i, row(0, 500), { flagged: 'unreachable' }),
    ),
    'an answer that was decided in time and settled after a freeze': after((trace, i) => {
      const read = trace.at(1500).ask(i)
      trace.tell({ type: 'frozen', isolate: i }).at(90_000).tell({ type: 'thawed', isolate: i })
      trace.answer(read, row(0, 500))
    }),
    'an old version where both clocks stood still': after((trace, i) => {
      trace
        .fault('clock_frozen', { isolate: i, forMs: 3000 })
        .fault('monotonic_frozen', { isolate: i, forMs: 3000 })
      trace.at(4000).served(i, row(0, 500))
    }),
    'an old version by a proof that precedes a hidden step back of both clocks': after((trace, i) => {
      trace.at(1500).fault('clock_both_back', { isolate: i, amount: 3000 })
      trace.at(4900).tell({ type: 'hidden_step', isolate: i, since: 1500, ms: 3000 })
      trace.served(i, row(0, 500))
    }),
    'a hit while the wall clock stood still, where the isolate read both clocks in the same moment, but later':
      after((trace, i) => {
        trace.fault('clock_frozen', { isolate: i, forMs: 3000 })
        const read = trace.at(2500).ask(i, 'a', { bare: true })
        trace.begin({ isolate: i, key: 'b' })
        trace.answer(read, row(0, 500))
      }),
    'a tag of the other parity': (trace) => {
      const i = trace.isolate()
      trace.at(1000).commit('a', 1)
      const write = trace.begin({ isolate: i, how: 'tags', evicts: 'tag', pattern: 'odd' })
      trace.acknowledge(write, trace.append({ v: 1, op: 'evict', ns: 'rows', tags: ['odd'] }))
      trace.at(9000).served(i, row(0, 500))
    },
    'a load whose replica lags': {
      world: { replicaLagMs: 400 },
      story: after((trace, i) => trace.at(2300).served(i, row(0, 2300), { from: 'loader' })),
    },
    'a value that stands in the log after the others': (trace) => {
      const i = trace.isolate()
      const first = trace.at(1000).begin({ isolate: i, how: 'set', space: 'sets', version: 0 })
      const second = trace.begin({ isolate: i, how: 'set', space: 'sets', version: 1 })
      const later = trace.append({ v: 1, op: 'evict', ns: 'sets', keys: ['a'] })
      trace
        .acknowledge(first, trace.append({ v: 1, op: 'evict', ns: 'sets', keys: ['a'] }))
        .acknowledge(second, later)
      trace.at(9000).served(i, row(0, 1000, 'a', 'sets'))
    },
  },
  {
    'an old version from memory beyond maxStaleness': after((trace, i) =>
      trace.at(2100).served(i, row(0, 500)),
    ),
    'an old version from a shared load beyond maxStaleness': after((trace, i) =>
      trace.at(2100).served(i, row(0, 500), { from: 'loader' }),
    ),
    'a flagged one beyond maxOutage': after((trace, i) =>
      trace.at(6100).served(i, row(0, 500), { flagged: 'unreachable' }),
    ),
    'an old version where one clock stood still, and the other went on': after((trace, i) => {
      trace.fault('monotonic_frozen', { isolate: i, forMs: 9000 }).at(4000).served(i, row(0, 500))
    }),
    'an old version where both clocks stepped back, below what the isolate had seen': after((trace, i) => {
      trace.at(1500).fault('clock_both_back', { isolate: i, amount: 3000 }).polls(i, 1)
      trace.at(2100).served(i, row(0, 500))
    }),
    'an old version from longer ago than a hidden step of both clocks can excuse': after((trace, i) => {
      trace.at(1500).fault('clock_both_back', { isolate: i, amount: 300 })
      trace.at(2400).tell({ type: 'hidden_step', isolate: i, since: 1500, ms: 300 })
      trace.served(i, row(0, 500))
    }),
    'an old version long after both clocks have gone on': after((trace, i) => {
      trace
        .fault('clock_frozen', { isolate: i, forMs: 500 })
        .fault('monotonic_frozen', { isolate: i, forMs: 500 })
      trace.at(4000).served(i, row(0, 500))
    }),
    'what a tag, a prefix, a namespace or everything has evicted': (trace) => {
      const i = trace.isolate()
      const kinds = [
        ['tags', 'tag', 'all', 'a'],
        ['prefix', 'prefix', 'eu/', 'eu/b'],
        ['clear', 'namespace', undefined, 'c'],
        ['clearAll', 'everything', undefined, 'd'],
      ] as const
      for (const [how, evicts, pattern, key] of kinds) {
        trace.at(1000).commit(key, 1)
        const write = trace.begin({ isolate: i, how, evicts, key, ...(pattern ? { pattern } : {}) })
        trace.acknowledge(write, trace.append({ v: 1, op: 'clear' }))
      }
      trace.at(9000)
      for (const [, , , key] of kinds) trace.served(i, row(0, 500, key))
      const { violations } = checkerOf('I1').check(trace.trace)
      expect(violations).toHaveLength(4)
    },
    'a value that another one has replaced in the log': (trace) => {
      const i = trace.isolate()
      trace.at(1000).evict(i, 'a', 0, 'sets')
      trace.at(1100).evict(i, 'a', 1, 'sets')
      trace.at(9000).served(i, row(0, 1000, 'a', 'sets'))
    },
    'what a load has brought from a replica, held beyond the promise': {
      world: { replicaLagMs: 400 },
      story: after((trace, i) => trace.at(2300).served(i, row(0, 1200))),
    },
  },
)

promises(
  'I2',
  {
    'a row that was read after the eviction': after((trace, i) =>
      trace.at(1100).polls(i, 0).at(1300).served(i, row(1, 1200)),
    ),
    'a row that was read before an eviction that the isolate has not read': after((trace, i) =>
      trace.at(1300).served(i, row(0, 500)).at(1400).polls(i, 0).served(i, row(1, 1400)),
    ),
    'a load that its caller gets though it was evicted meanwhile': after((trace, i) =>
      trace.at(1100).polls(i, 0).at(1300).served(i, row(0, 900), { from: 'loader' }).served(i, row(1, 1200)),
    ),
    'a row that was set with a version, after an eviction of older ones': (trace) => {
      const i = trace.isolate()
      trace.at(1000).commit('a', 3)
      const write = trace.begin({ isolate: i, how: 'setVersion', version: 3 })
      trace.acknowledge(write, trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'], version: 3 }))
      trace.at(1100).append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'], version: 2 })
      trace.at(1200).polls(i, 0).at(1300).served(i, row(3, 1000))
    },
  },
  {
    'a row that was read before an eviction that was applied': after((trace, i) =>
      trace.at(1100).polls(i, 0).at(1300).served(i, row(0, 900)),
    ),
    'the same where only its position has passed it': after((trace, i) =>
      trace.at(1100).anchor(i, 'behind').at(1300).served(i, row(0, 900)),
    ),
    'the same version, read before': after((trace, i) => {
      trace.at(1200).append({ v: 1, op: 'clear', ns: 'rows' })
      trace.at(1300).polls(i, 0).at(1400).served(i, row(1, 1100))
    }),
    'a row that was read before everything was dropped': (trace) => {
      const i = trace.isolate()
      trace.at(1000).append({ v: 1, op: 'evict', ns: 'rows', keys: ['z'] })
      trace.at(2000).anchor(i, 'behind').at(2100).served(i, row(0, 1500))
    },
  },
)

promises(
  'I3',
  {
    'later versions only': after((trace, i) =>
      trace.served(i, row(0, 500)).at(1100).polls(i, 0).at(1200).served(i, row(1, 1150)),
    ),
    'an older version that a replica showed to a load': after((trace, i) =>
      trace.at(1100).polls(i, 0).at(1200).served(i, row(0, 1200), { from: 'loader' }).served(i, row(1, 1200)),
    ),
  },
  {
    'an older version after its eviction was applied': after((trace, i) =>
      trace.at(1100).polls(i, 0).served(i, row(1, 1100)).at(1200).served(i, row(0, 500)),
    ),
    'an older version that a replica has shown after the eviction, held': after((trace, i) =>
      trace.at(1100).polls(i, 0).at(1300).served(i, row(0, 1200)),
    ),
    'a value that was set before the one that was evicted': (trace) => {
      const i = trace.isolate()
      trace.at(1000).evict(i, 'a', 0, 'sets')
      trace.at(1100).evict(i, 'a', 1, 'sets')
      trace
        .at(1200)
        .polls(i, 0)
        .at(1300)
        .served(i, row(0, 1000, 'a', 'sets'))
    },
  },
)

promises(
  'I4',
  {
    'the last version, and nothing': after((trace, i) =>
      trace.at(9000).holds(i, row(1, 2000)).holds(i, undefined, 'b'),
    ),
    'an older version whose successor no eviction announced': after((trace, i) =>
      trace.at(2000).commit('a', 2).at(9000).holds(i, row(1, 1500)),
    ),
    'the last value that was set': (trace) => {
      const i = trace.isolate()
      trace.at(1000).evict(i, 'a', 0, 'sets')
      trace.at(1100).evict(i, 'a', 1, 'sets')
      trace.at(9000).holds(i, row(1, 1100, 'a', 'sets'))
    },
  },
  {
    'an evicted version': after((trace, i) => trace.at(9000).holds(i, row(0, 500))),
    'a version whose eviction is in the log though its publish was rejected': (trace) => {
      const i = trace.isolate()
      trace.at(1000).commit('a', 1)
      const write = trace.begin({ isolate: i })
      trace.at(1001).append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
      trace.tell({ type: 'unacknowledged', write, code: 'ERR_PUBLISH' }).at(9000).holds(i, row(0, 500))
    },
    'a value that was set before the last one': (trace) => {
      const i = trace.isolate()
      trace.at(1000).evict(i, 'a', 0, 'sets')
      trace.at(1100).evict(i, 'a', 1, 'sets')
      trace.at(9000).holds(i, row(0, 1000, 'a', 'sets'))
    },
    'a version that the source never had': after((trace, i) => trace.at(9000).holds(i, row(7, 2000))),
  },
)

promises(
  'I5',
  {
    'the same version twice, and nothing': after((trace, i) =>
      trace.at(9000).holds(i, row(1, 2000)).holds(1, row(1, 3000)).holds(1, undefined, 'b'),
    ),
    'two versions of which no eviction follows the later': after((trace, i) =>
      trace.at(2000).commit('a', 2).at(9000).holds(i, row(1, 1500)).holds(1, row(2, 3000)),
    ),
  },
  {
    'two versions': after((trace, i) => trace.at(9000).holds(i, row(0, 500)).holds(1, row(1, 2000))),
    'one version with two values': after((trace, i) =>
      trace
        .at(9000)
        .holds(i, row(1, 2000))
        .holds(1, { ...row(1, 2000), even: true }),
    ),
    'a row whose as-of precedes its last eviction': after((trace, i) => {
      trace.at(2000).append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
      trace.at(9000).holds(i, row(1, 1500))
    }),
  },
)

const three = (trace: TraceBuilder): number => {
  const i = trace.isolate()
  trace.at(1000)
  for (let time = 0; time < 3; time++) trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
  return i
}

promises(
  'I6',
  {
    'reads that go on where the last one ended, or before it': (trace) => {
      const i = three(trace)
      trace.at(1100).reads(i, 0, 2).reads(i, 1, 3, [2]).anchor(i, 'behind').reads(i, 3)
    },
    'a beat that no isolate applies': (trace) => {
      const i = three(trace)
      trace.append({ v: 1, op: 'beat' })
      trace.append({ v: 1, op: 'clear' })
      trace.at(1100).reads(i, 0, 5, [0, 1, 2, 4])
    },
  },
  {
    'a read beyond the last answer': (trace) => void trace.reads(three(trace), 1),
    'an eviction that was passed over': (trace) => void trace.reads(three(trace), 0, 3, [0, 2]),
    'an eviction that is applied twice': (trace) => void trace.reads(three(trace), 0, 3, [0, 1, 1]),
    'a start beyond the end of the log, though an answer named it': (trace) => {
      const i = three(trace)
      trace.offsets(i, 900).says(i, { type: 'reanchor', partition: 0, reason: 'behind', offset: 900 })
    },
    'a start at an offset that no answer named': (trace) => void trace.anchor(three(trace), 'behind', 7),
    'a record that is applied before the isolate has a position': (trace) => {
      const i = trace.isolate({}, { anchors: false })
      trace.append({ v: 1, op: 'clear' })
      trace.reads(i, 0)
    },
  },
)

promises(
  'I7',
  {
    'an age that counts from an earlier time than the sample': (trace) => {
      const i = three(trace)
      trace.at(1100).polls(i, 0).at(1500)
      trace.append({ v: 1, op: 'clear' })
      trace.at(1600).state(i, { ageMs: 500 })
    },
    'an age that is longer than the truth': (trace) => void trace.state(three(trace), { ageMs: 700 }),
    'a claim after a hidden step of both clocks': (trace) => {
      const i = trace.isolate()
      trace.at(300).fault('clock_both_back', { isolate: i, amount: 1000 })
      trace.at(500).append({ v: 1, op: 'clear' })
      trace.at(1500).tell({ type: 'hidden_step', isolate: i, since: 300, ms: 1000 }).state(i, { ageMs: 500 })
    },
    'a claim after a hidden step of both clocks, and another before it that the first has hidden': (
      trace,
    ) => {
      const i = trace.isolate()
      trace.at(500).append({ v: 1, op: 'clear' })
      trace.at(1000).fault('clock_both_back', { isolate: i, amount: 1000 })
      trace.at(2000).fault('clock_both_back', { isolate: i, amount: 1000 }).at(2200)
      for (const since of [1000, 2000]) trace.tell({ type: 'hidden_step', isolate: i, since, ms: 1000 })
      trace.state(i, { ageMs: 300 })
    },
    'a claim where both clocks have stood still': (trace) => {
      const i = trace.isolate()
      trace.fault('clock_frozen', { forMs: 1000 }).fault('monotonic_frozen', { forMs: 1000 })
      trace.at(500).append({ v: 1, op: 'clear' })
      trace.at(1200).state(i, { ageMs: 200 })
    },
  },
  {
    'a proof without what was in the log': (trace) => {
      const i = three(trace)
      trace.at(1100).state(i, { ageMs: 50 })
    },
    'a proof after an answer that stopped short': (trace) => {
      const i = three(trace)
      trace.at(1100).offsets(i).reads(i, 0, 2).state(i, { ageMs: 0 })
    },
    'a proof that counts from the end of the poll': (trace) => {
      const i = three(trace)
      trace.at(1100).offsets(i).at(1200)
      trace.append({ v: 1, op: 'clear' })
      trace.at(1300).reads(i, 0, 3).state(i, { ageMs: 0 })
    },
  },
)

const withToken =
  (version: number, more: Parameters<TraceBuilder['served']>[2] = {}, readAt = 1100): Story =>
  (trace) => {
    const i = trace.isolate()
    const write = trace.at(1000).evict(i)
    const read = trace.at(1100).ask(i, 'a', { after: { write, partition: 0, offset: 0 } })
    trace.answer(read, row(version, readAt), more)
  }

promises(
  'I8',
  {
    'the write itself': withToken(1),
    'what a replica shows to a load': {
      world: { replicaLagMs: 400 },
      story: withToken(0, { from: 'loader' }),
    },
    'an older row beside a token of a log that is gone': (trace) => {
      withToken(1)(trace)
      const i = trace.isolate()
      const write = trace.at(2000).evict(i, 'a', 2)
      const read = trace.recreate().ask(i, 'a', { after: { write, partition: 0, offset: 1 } })
      trace.answer(read, row(1, 1500))
    },
  },
  {
    'an older row from memory': withToken(0, {}, 500),
    'an older row though it is flagged': withToken(0, { flagged: 'unreachable' }, 500),
    'an older row of a load that began before': withToken(0, { from: 'loader' }, 500),
    'an older value than the one that was set': (trace) => {
      const i = trace.isolate()
      trace.at(900).evict(i, 'a', 0, 'sets')
      const write = trace.at(1000).evict(i, 'a', 1, 'sets')
      const read = trace.ask(i, 'a', { space: 'sets', after: { write, partition: 0, offset: 1 } })
      trace.answer(read, row(0, 900, 'a', 'sets'))
    },
  },
)

promises(
  'I9',
  { 'as much as is allowed': (trace) => void trace.state(trace.isolate(), { entries: 10, bytes: 10_000 }) },
  {
    'an entry more': (trace) => void trace.state(trace.isolate(), { entries: 11 }),
    'a byte more': (trace) => void trace.state(trace.isolate(), { bytes: 10_001 }),
    'bytes of nothing': (trace) => void trace.state(trace.isolate(), { entries: 0, bytes: 1 }),
    'less than nothing': (trace) => void trace.state(trace.isolate(), { entries: 1, bytes: -5 }),
    'more rows at the end than entries': (trace) => {
      const i = trace.isolate({ maxEntries: 1 })
      trace.holds(i, row(0, 0)).holds(i, row(0, 0, 'b'))
    },
  },
)

promises(
  'I10',
  {
    'a row until its TTL ends': (trace) =>
      void trace.served(trace.isolate(), row(0, 0)).at(10_000).served(0, row(0, 0)),
    'an expired row that is flagged, within its window': (trace) => {
      const i = trace.isolate()
      trace.at(11_900).served(i, row(0, 0), { flagged: 'swr' })
      trace.at(12_900).served(i, row(0, 0), { flagged: 'error' })
    },
    'one of several rows, of a load that may last longer than its TTL and that others had begun': (trace) => {
      const i = trace.isolate({ hardTimeoutMs: 20_000 })
      trace.at(15_000).served(i, row(0, 0), { from: undefined, flagged: 'unknown' })
    },
    'a hit of the turn in which the loop was blocked again before it went on': (trace) => {
      const i = trace.isolate()
      trace.at(9000).fault('loop_blocked', { isolate: i, forMs: 3000 })
      trace.at(11_000).fault('loop_blocked', { isolate: i, forMs: 4000 })
      trace.at(12_000).tell({ type: 'fault_over', fault: 'loop_blocked' })
      trace.at(15_000).tell({ type: 'fault_over', fault: 'loop_blocked' }).served(i, row(0, 0))
    },
    'a row of an isolate whose clock is behind that of the one that has loaded it': (trace) => {
      trace.isolate()
      const i = trace.isolate({ use: ['replicate'], skewMs: -500 })
      trace.at(10_400).served(i, row(0, 0))
    },
  },
  {
    'one of several rows of unknown origin, past every bound': (trace) => {
      const i = trace.isolate({ hardTimeoutMs: 20_000 })
      trace.at(20_100).served(i, row(0, 0), { from: undefined, flagged: 'unknown' })
    },
    'a hit of a turn after the one in which the loop was blocked': (trace) => {
      const i = trace.isolate()
      trace.at(9000).fault('loop_blocked', { isolate: i, forMs: 3000 })
      trace.at(12_000).tell({ type: 'fault_over', fault: 'loop_blocked' }).at(12_001).served(i, row(0, 0))
    },
    'a hit of the turn in which the loop of another isolate was blocked': (trace) => {
      const i = trace.isolate()
      trace.at(9000).fault('loop_blocked', { isolate: trace.isolate(), forMs: 3000 })
      trace.at(12_000).tell({ type: 'fault_over', fault: 'loop_blocked' }).served(i, row(0, 0))
    },
    'a row past its TTL': (trace) => void trace.at(10_100).served(trace.isolate(), row(0, 0)),
    'a flagged row past its window': (trace) =>
      void trace.at(12_100).served(trace.isolate(), row(0, 0), { flagged: 'swr' }),
    'a row past its TTL where the wall clock alone is wrong': (trace) => {
      const i = trace.isolate()
      trace.fault('clock_back', { isolate: i, amount: 600_000 })
      trace.at(10_099).tell({ type: 'request', isolate: i, request: 1 }).at(10_100).served(i, row(0, 0))
    },
    'a load that was shared for longer than it may last': (trace) =>
      void trace.at(3100).served(trace.isolate(), row(0, 0), { from: 'loader' }),
  },
)

const calm = (trace: TraceBuilder, { proves = true } = {}): number => {
  const i = trace.isolate()
  trace.at(1000).tell({ type: 'calm' }).at(50_000)
  if (proves) trace.says(i, { type: 'poll', durationMs: 5, records: 0, verified: true, ageMs: 0 })
  trace.at(60_000)
  return i
}
const loaded = { from: 'loader', stored: true } as const

promises(
  'I11',
  {
    'starts with a cause each': (trace) => {
      const i = three(trace)
      trace.recreate().at(2000).anchor(i, 'replaced')
    },
    'another start, at an answer that the isolate took late while another one asked again': (trace) => {
      const [late, other] = [trace.isolate({}, { anchors: false }), trace.isolate()]
      const ask = {
        type: 'asked',
        call: 90,
        isolate: late,
        operation: 'offsets',
        topic: 'cache-evictions',
      } as const
      trace.at(1000).tell(ask).recreate().at(2000).offsets(other)
      trace.at(3000).tell({ type: 'told', call: 90, positions: [{ partition: 0, offset: 0 }] })
      trace.says(late, { type: 'reanchor', partition: 0, reason: 'start', offset: 0 })
      trace.at(3100).anchor(late, 'replaced')
    },
    'a miss and then a hit, once all is calm': (trace) => {
      const i = calm(trace)
      trace.served(i, row(0, 60_000), loaded).at(60_100).served(i, row(0, 60_000)).state(i)
    },
    'a second miss of what was dropped in between': (trace) => {
      const i = calm(trace)
      trace.served(i, row(0, 60_000), loaded)
      trace.at(60_050).says(i, { type: 'drop', namespace: 'rows', key: 'a', reason: 'capacity' })
      trace.at(60_100).served(i, row(0, 60_100), loaded).state(i)
    },
  },
  {
    'a second first contact': (trace) => void trace.anchor(three(trace), 'start'),
    'a start without a cause': (trace) => void trace.anchor(three(trace), 'truncated'),
    'a start that is not behind': (trace) => void trace.anchor(three(trace), 'behind'),
    'starts over and over': (trace) => {
      const i = three(trace)
      trace.recreate().at(2000).anchor(i, 'replaced').at(2500).anchor(i, 'stalled')
    },
    'a key that is loaded again and again': (trace) => {
      const i = calm(trace)
      trace.served(i, row(0, 60_000), loaded).at(60_100).served(i, row(0, 60_100), loaded).state(i)
    },
    'a value that is not held': (trace) => {
      const i = calm(trace)
      trace.served(i, row(0, 60_000), { from: 'loader' }).state(i)
    },
    'reads past the cache': (trace) => {
      const i = calm(trace)
      trace.served(i, row(0, 60_000), { from: 'loader', bypassed: true }).state(i)
    },
    'freshness that is not proved again': (trace) => {
      const i = calm(trace, { proves: false })
      trace.served(i, row(0, 60_000), loaded).state(i, { proved: false })
    },
  },
)

const drop = (namespace: string) => ({ type: 'drop', namespace, key: 'a', reason: 'evicted' }) as const

promises(
  'I12',
  {
    'drops of what was evicted': after((trace, i) => trace.at(1100).reads(i, 0).says(i, drop('rows'))),
    'drops by an eviction of everything, and by an unreadable record': (trace) => {
      const i = trace.isolate()
      trace.append({ v: 1, op: 'clear' })
      trace.reads(i, 0).says(i, drop('others')).at(100)
      trace.append('garbage')
      trace.reads(i, 1).says(i, drop('others'))
    },
    'drops by an eviction that stands under the name of their namespace': (trace) => {
      const i = trace.isolate()
      trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['b'] }, 'others')
      trace.reads(i, 0).says(i, drop('others'))
    },
    'a drop in doubt, after a write that failed': (trace) => {
      const i = trace.isolate()
      const write = trace.begin({ isolate: i })
      trace.at(500).says(i, drop('rows')).tell({ type: 'unacknowledged', write, code: 'ERR_PUBLISH' })
    },
    'a drop by an eviction of its own': (trace) => {
      const i = trace.isolate()
      const call = 99
      const offset = trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
      trace.tell({ type: 'asked', call, isolate: i, operation: 'produce', topic: 'cache-evictions' })
      trace.tell({ type: 'told', call, positions: [{ partition: 0, offset }] }).says(i, drop('rows'))
    },
  },
  {
    'a row of another key': (trace) => {
      const i = trace.isolate()
      trace.answer(trace.ask(i, 'a'), row(0, 0, 'b'), { key: 'a' })
    },
    'a row of another namespace': (trace) => {
      const i = trace.isolate()
      trace.answer(trace.ask(i, 'a'), row(0, 0, 'a', 'others'))
    },
    'an answer to what was not asked': (trace) => {
      const i = trace.isolate()
      trace.answer(trace.ask(i, 'a'), row(0, 0, 'b'))
    },
    'a drop by an eviction of another namespace': after((trace, i) =>
      trace.at(1100).reads(i, 0).says(i, drop('others')),
    ),
    'a second drop by the same eviction': after((trace, i) =>
      trace.at(1100).reads(i, 0).says(i, drop('rows')).at(1200).says(i, drop('rows')),
    ),
    'a drop without any cause': (trace) => void trace.says(trace.isolate(), drop('rows')),
  },
)

const beside =
  (
    between: (trace: TraceBuilder, isolate: number) => void,
    plan: Parameters<TraceBuilder['isolate']>[0] = {},
  ): Story =>
  (trace) => {
    const i = trace.isolate(plan)
    trace.at(1000).load(i, 'a', 1)
    trace.at(1200)
    between(trace, i)
    trace.at(1300).load(i, 'a', 2)
  }

/** Two loads at a time, the first for several keys; its callers get a value that was read at `readAt`. */
const besideMany = (readAt: number): Case => ({
  world: { tier: true },
  story: (trace) => {
    const i = trace.isolate({ use: ['sharedTier'] })
    const read = trace.at(1000).ask(i, 'a', { how: 'getOrSetMany', keys: ['a', 'b'] })
    trace.load(i)
    trace.at(1300).load(i)
    trace.at(1500).answer(read, row(0, readAt), { from: undefined })
  },
})

promises(
  'I13',
  {
    'loads one after the other': beside((trace) =>
      trace.tell({ type: 'loaded', load: 0, row: row(0, 1100) }),
    ),
    'loads of two isolates, and of two keys': (trace) => {
      const [i, j] = [trace.isolate(), trace.isolate()]
      trace.at(1000).load(i)
      trace.load(j)
      trace.load(i, 'b')
    },
    'a load after an eviction': beside((trace, i) => {
      trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
      trace.reads(i, 0)
    }),
    'a load for a token': beside((trace, i) =>
      trace.ask(i, 'a', { after: { write: 0, partition: 0, offset: 5 } }),
    ),
    'a load where the first is older than anything may be': (trace) => {
      const i = trace.isolate()
      trace.at(1000).load(i)
      trace.at(2100).load(i)
    },
    'a load that takes over from a request that was answered and left nothing to be kept': (trace) => {
      const i = trace.isolate({ isolatesRequests: true })
      const read = trace.at(1000).ask(i, 'a', { request: 1, bare: true })
      trace.load(i, 'a', 1)
      trace.at(1100).answer(read, row(0, 1000), { from: 'memory' })
      trace.at(1300).load(i, 'a', 2)
    },
    'a load after the call of the first has failed for another key': beside((trace, i) =>
      trace.says(i, {
        type: 'load',
        namespace: 'rows',
        keys: ['a', 'b'],
        durationMs: 200,
        error: 'SourceError',
      }),
    ),
    'a load where the tier has answered the callers of several keys, while the first goes on':
      besideMany(500),
    'a load that takes over from a request that is gone': beside(
      (trace, i) => trace.tell({ type: 'cancelled', isolate: i, request: 1 }),
      { isolatesRequests: true },
    ),
  },
  {
    'a second load beside the first': beside(() => undefined),
    'a second load after an eviction of another namespace': beside((trace, i) => {
      trace.append({ v: 1, op: 'evict', ns: 'others', keys: ['a'] })
      trace.reads(i, 0)
    }),
    'a second load beside the first of several keys, whose own value they got': besideMany(1100),
    'a second load beside that of a request that was answered, and is kept alive': (trace) => {
      const i = trace.isolate({ isolatesRequests: true })
      const read = trace.at(1000).ask(i, 'a', { request: 1 })
      trace.load(i, 'a', 1)
      trace.at(1100).answer(read, row(0, 1000), { from: 'memory' })
      trace.at(1300).load(i, 'a', 2)
    },
    'a second load where promises are shared, and a client has hung up': beside((trace, i) =>
      trace.tell({ type: 'cancelled', isolate: i, request: 1 }),
    ),
    'a third load that has no reason of its own': (trace) => {
      const i = trace.isolate()
      trace.at(1000).load(i)
      trace.at(2100).load(i)
      trace.at(2200).load(i)
    },
  },
)

promises(
  'I14',
  {
    'a read within its deadlines': (trace) => {
      const i = trace.isolate()
      const read = trace.ask(i)
      trace.at(5000).answer(read, row(0, 0)).tell({ type: 'end', openReads: [], openWrites: [] })
    },
    'a read that stood still': (trace) => {
      const i = trace.isolate()
      const read = trace.ask(i)
      trace.tell({ type: 'frozen', isolate: i }).at(90_000).tell({ type: 'thawed', isolate: i })
      trace.at(91_000).answer(read, row(0, 0))
    },
    'a read whose request is gone': (trace) => {
      const i = trace.isolate({ isolatesRequests: true })
      trace.answer(trace.ask(i), row(0, 0))
      const read = trace.ask(i, 'a', { request: 4 })
      trace.tell({ type: 'cancelled', isolate: i, request: 4 })
      trace.at(90_000).tell({ type: 'end', openReads: [read], openWrites: [] })
    },
  },
  {
    'a read that takes longer': (trace) => {
      const read = trace.ask(trace.isolate())
      trace.at(5200).answer(read, row(0, 0))
    },
    'a read that never settles': (trace) => {
      const read = trace.ask(trace.isolate())
      trace.at(90_000).tell({ type: 'end', openReads: [read], openWrites: [] })
    },
    'a write that never settles': (trace) => {
      const write = trace.begin({ isolate: trace.isolate() })
      trace.at(90_000).tell({ type: 'end', openReads: [], openWrites: [write] })
    },
    'a write, a read and background work that fail by a fault of the code': (trace) => {
      const i = trace.isolate()
      trace.tell({ type: 'unacknowledged', write: trace.begin({ isolate: i }), code: 'TypeError' })
      trace.tell({ type: 'threw', read: trace.ask(i), code: 'ReferenceError' })
      trace.says(i, { type: 'background_error', error: 'TypeError' })
    },
    'a read whose client is gone where that ends nothing': (trace) => {
      const i = trace.isolate()
      const read = trace.ask(i, 'a', { request: 4 })
      trace.tell({ type: 'cancelled', isolate: i, request: 4 })
      trace.at(90_000).tell({ type: 'end', openReads: [read], openWrites: [] })
    },
  },
)

promises(
  'I15',
  {
    'a trace in order': after((trace, i) =>
      trace.served(i, row(0, 0)).tell({ type: 'end', openReads: [], openWrites: [] }),
    ),
  },
  {
    'time that goes back': (trace) => {
      trace.at(10).isolate()
      trace.at(5).isolate()
    },
    'an answer without a question': (trace) => void trace.answer(17, row(0, 0)),
    'two answers to one question': (trace) => {
      const read = trace.ask(trace.isolate())
      trace.answer(read, row(0, 0)).answer(read, row(0, 0))
    },
    'a name that is given twice': (trace) => {
      const i = trace.isolate()
      trace.load(i)
      trace.tell({ type: 'load', load: 0, isolate: i, request: undefined, space: 'rows', key: 'a' })
    },
    'an isolate that does something after it was killed': (trace) => {
      const i = trace.isolate()
      trace.tell({ type: 'killed', isolate: i }).ask(i)
    },
    'an isolate that does something while it stands still': (trace) => {
      const i = trace.isolate()
      trace.tell({ type: 'frozen', isolate: i }).load(i)
    },
    'anything after the end': (trace) =>
      void trace.tell({ type: 'end', openReads: [], openWrites: [] }).isolate(),
  },
)

describe('two runs of one scenario', () => {
  const made = (then: Story) => {
    const builder = new TraceBuilder()
    then(builder)
    return builder.trace
  }
  const story: Story = (trace) => void trace.isolate()

  it('are the same where all of their events are', () => {
    expect(compare(made(story), made(story))).toBeUndefined()
  })

  it('differ at the first event that differs, or is missing', () => {
    const other = made((trace) => void trace.at(3).isolate())
    expect(compare(made(story), other)).toMatchObject({ invariant: 'I15', t: 0 })
    expect(
      compare(
        made(story),
        made(() => undefined),
      )?.text,
    ).toContain('event 1')
  })
})

promises(
  'I16',
  {
    'records where they were said to be': after(() => undefined),
    'the same place in two logs, for two writes of one meaning': (trace) => {
      const i = trace.isolate()
      const first = trace.begin({ isolate: i })
      trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
      const second = trace.recreate().begin({ isolate: i })
      const offset = trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
      trace.acknowledge(second, offset)
      trace.acknowledge(first, offset)
    },
    'the record of a repeated call': (trace) => {
      const write = trace.begin({ isolate: trace.isolate() })
      trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
      trace.acknowledge(write, trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] }))
    },
  },
  {
    'a record that is not there': (trace) =>
      void trace.acknowledge(trace.begin({ isolate: trace.isolate() }), 0),
    'a record that says something else': (trace) => {
      const write = trace.begin({ isolate: trace.isolate() })
      trace.acknowledge(write, trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['b'] }))
    },
    'a record that was there before': (trace) => {
      const offset = trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
      trace.acknowledge(trace.begin({ isolate: trace.isolate() }), offset)
    },
    'one place for two writes': (trace) => {
      const i = trace.isolate()
      const writes = [trace.begin({ isolate: i }), trace.begin({ isolate: i })]
      const offset = trace.append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
      for (const write of writes) trace.acknowledge(write, offset)
    },
    'a call that got an offset where nothing was written': (trace) => {
      const i = trace.isolate()
      trace.tell({ type: 'asked', call: 9, isolate: i, operation: 'produce', topic: 'cache-updates' })
      trace.tell({ type: 'told', call: 9, positions: [{ partition: 0, offset: 3 }] })
    },
  },
)

describe('the checkers', () => {
  it('are one for each invariant of the design that a trace can show', () => {
    const shown = Array.from({ length: 18 }, (_, at) => `I${at + 1}`).filter((name) => name !== 'I17')
    expect(CHECKERS.map(({ invariant }) => invariant)).toEqual(shown)
  })
})
