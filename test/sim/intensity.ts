/**
 * How often each class of faults is part of a plan, how much of it there is then, and where it has no place.
 *
 * A scenario has few classes (`swarm`): faults hide each other when all of them are there at once. Per scenario each
 * class is on with probability `swarm × on`, and comes then a random number of times, `times` in the mean
 * in a scenario of 80 reads and writes, and at least once.
 *
 * @module
 */
import type { Draw } from './draw.ts'
import { FAULTS } from './faults.ts'
import type { FaultName } from './faults.ts'
import { intentsMsOf, replicates } from './features.ts'
import type { IsolatePlan, WorldPlan } from './scenario.ts'

export interface Intensity {
  /** How often it is on, beside the others. */
  readonly on: number
  /** The mean number of faults, where it is on. */
  readonly times: number
  /** How long one lasts, in milliseconds: mostly near the first, never longer than the second. */
  readonly lasts?: readonly [scale: number, most: number]
  readonly amount?: (draw: Draw) => number
  /** How often it meets one isolate alone; else it meets all. */
  readonly aimed?: number
}

/** The part of all classes that is on, and how often it is that part. */
export const SWARM = { '0': 6, '0.03': 22, '0.08': 34, '0.16': 26, '0.35': 12 } as const

const percent = (draw: Draw): number => draw.pick([3, 10, 25, 50, 80, 100])
const latency = (draw: Draw): number => draw.heavy(60, 15_000)
const way = { lasts: [400, 40_000], aimed: 0.7 } as const

export const INTENSITIES: Readonly<Record<FaultName, Intensity>> = {
  request_lost: { on: 1, times: 3, ...way, amount: percent },
  request_swallowed: { on: 1, times: 3, ...way, amount: percent },
  answer_lost: { on: 1, times: 3, ...way, amount: percent },
  answer_reset: { on: 1, times: 3, ...way, amount: percent },
  request_doubled: { on: 1, times: 4, ...way, amount: percent },
  request_late: { on: 1, times: 3, ...way, amount: latency },
  answer_late: { on: 1, times: 4, ...way, amount: latency },
  answers_reordered: { on: 1, times: 4, ...way, amount: latency },
  body_stalls: { on: 1, times: 3, ...way, amount: percent },

  body_truncated: { on: 1, times: 3, ...way, amount: percent },
  body_garbled: { on: 1, times: 3, ...way, amount: percent },
  body_oversized: { on: 0.6, times: 2, ...way, amount: percent },
  html_page: { on: 0.8, times: 3, ...way, amount: percent },
  storm_429: { on: 1, times: 2, ...way, amount: percent },
  storm_5xx: { on: 1, times: 3, ...way, amount: percent },
  empty_polls: { on: 1.2, times: 5, ...way, amount: percent },

  consumers_expired: { on: 1, times: 4 },
  proxy_restart: { on: 1, times: 2, lasts: [150, 5000] },

  kafka_unavailable: { on: 1, times: 2, lasts: [600, 60_000] },
  truncation: { on: 1.2, times: 3, amount: (draw) => draw.pick([10, 40, 70, 90, 100]) },
  recreation: { on: 1.4, times: 1.5 },
  partitions_added: { on: 0.8, times: 1.2 },
  compaction: { on: 1, times: 3 },
  transaction_aborted: { on: 1, times: 3 },
  transaction_open: { on: 0.8, times: 1.5, lasts: [3000, 60_000] },
  record_poison: { on: 1, times: 3, amount: (draw) => draw.heavy(1, 20) },
  record_unknown_version: { on: 1, times: 3 },
  record_oversized: { on: 0.8, times: 1.5 },
  heartbeats: { on: 1.2, times: 4, amount: (draw) => draw.heavy(1, 30) },

  clock_forward: { on: 1, times: 2, amount: (draw) => draw.heavy(200, 600_000), aimed: 0.9 },
  clock_back: { on: 1, times: 2, amount: (draw) => draw.heavy(200, 600_000), aimed: 0.9 },
  clock_both_back: { on: 1, times: 3, amount: (draw) => draw.heavy(1500, 600_000), aimed: 0.9 },
  clock_frozen: { on: 1, times: 2, lasts: [1500, 60_000], aimed: 0.9 },
  monotonic_frozen: { on: 1, times: 2, lasts: [1500, 60_000], aimed: 0.9 },
  clock_drift: {
    on: 1,
    times: 1.5,
    lasts: [5000, 120_000],
    amount: (draw) => draw.pick([50, 90, 99, 101, 110, 200]),
    aimed: 0.9,
  },

  killed: { on: 2, times: 3, amount: (draw) => draw.between(0, 12), aimed: 1 },
  cold_outage: { on: 1.5, times: 2, lasts: [3000, 60_000], aimed: 0.9 },
  frozen: { on: 1.5, times: 3, lasts: [800, 300_000], aimed: 1 },
  frozen_hours: { on: 0.8, times: 1.2, lasts: [3_600_000, 12 * 3_600_000], aimed: 1 },
  leader_cancelled: { on: 1.5, times: 6, aimed: 1 },
  wait_until_cut: { on: 1.2, times: 3, lasts: [2000, 60_000], aimed: 0.8 },

  eviction_storm: { on: 1, times: 1.5, amount: (draw) => draw.heavy(5, 60), aimed: 1 },
  hot_key: { on: 1, times: 3, amount: (draw) => draw.heavy(4, 40), aimed: 1 },

  loader_error: { on: 1, times: 3, lasts: [1000, 60_000], amount: percent },
  loader_slow: { on: 1, times: 3, lasts: [1000, 60_000], amount: (draw) => draw.heavy(200, 20_000) },
  loader_endless: { on: 1, times: 2, lasts: [500, 20_000], amount: percent },
  writer_dies: { on: 2.5, times: 3, lasts: [1000, 20_000], aimed: 0.8 },

  tier_wiped: { on: 3, times: 3 },
  tier_unavailable: { on: 3, times: 3, lasts: [800, 60_000], amount: percent },
  tier_late: { on: 3, times: 4, lasts: [2000, 60_000], amount: (draw) => draw.heavy(100, 10_000) },

  loop_blocked: { on: 1.5, times: 3, lasts: [1500, 20_000], aimed: 1 },

  tail_killed: { on: 2, times: 3 },
  tail_hibernated: { on: 2, times: 3 },
  tail_doubled: { on: 2, times: 2, lasts: [3000, 30_000] },
  tail_late: { on: 1.5, times: 3, ...way, amount: latency },
  tail_overloaded: { on: 1.5, times: 3, ...way, amount: percent },
  // More than half a second: less hides between two readings (docs/coherence.md).
  tail_clock_back: { on: 1.5, times: 2, amount: (draw) => 600 + draw.heavy(1500, 600_000) },
  tail_clock_forward: { on: 1.5, times: 2, amount: (draw) => draw.heavy(1500, 600_000) },
  tail_frozen: { on: 1.5, times: 2, lasts: [800, 60_000] },
  store_stale: { on: 2, times: 4, lasts: [3000, 60_000], amount: percent },
  store_lost: { on: 1.5, times: 3, lasts: [3000, 60_000], amount: percent },
  store_late: { on: 2, times: 3, lasts: [3000, 60_000], amount: (draw) => draw.heavy(500, 20_000) },
  store_poisoned: { on: 2, times: 3, lasts: [3000, 60_000], amount: percent },
}

/** What is known of a scenario before its faults are chosen. */
export interface Setting {
  readonly world: WorldPlan
  readonly isolates: readonly IsolatePlan[]
  /** The classes that were chosen before. */
  readonly on: ReadonlySet<FaultName>
}

/** Where a class has no place, and why. */
export interface Exemption {
  readonly faults: readonly FaultName[]
  readonly because: string
  readonly where: (setting: Setting) => boolean
}

const TAIL_FAULTS: readonly FaultName[] = [
  'tail_killed',
  'tail_hibernated',
  'tail_doubled',
  'tail_late',
  'tail_overloaded',
  'tail_clock_back',
  'tail_clock_forward',
  'tail_frozen',
]
const STORE_FAULTS: readonly FaultName[] = ['store_stale', 'store_lost', 'store_late', 'store_poisoned']

export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[]

/** Under these faults an isolate always finds the record before its position again. */
const HARMLESS: readonly FaultName[] = [
  'clock_forward',
  'leader_cancelled',
  'hot_key',
  'loader_error',
  'loader_slow',
  'loader_endless',
  'compaction',
  'heartbeats',
]

const has = ({ on }: Setting, ...names: readonly FaultName[]): boolean => names.some((name) => on.has(name))

/**
 * What the product does not promise, so that a plan must not ask for it. Each says where that is written; a
 * restriction without such a place would be a fault that is hidden.
 */
export const EXEMPTIONS: readonly Exemption[] = [
  {
    faults: ['recreation'],
    because:
      'without an identity only the record before the position shows a new log: it must be there to be read again ' +
      '(docs/protocol.md, Identity; design.md section 3). The plan fills a new one at once, because one of the same ' +
      'length is checked once a minute only.',
    where: (setting) => !setting.world.identity && !canFindAgain(setting),
  },
  {
    faults: FAULT_NAMES.filter((name) => name !== 'recreation' && !HARMLESS.includes(name)),
    because: 'the same, in the other order',
    where: (setting) => !setting.world.identity && has(setting, 'recreation'),
  },
  {
    faults: ['transaction_aborted', 'transaction_open'],
    because:
      'an isolate that replicates over a proxy that cannot read committed records asks for `updatesIsolation: ' +
      "'uncommitted'`, which is for logs without values in transactions (docs/protocol.md, The proof)",
    where: ({ world, isolates }) => !readsCommitted(world) && isolates.some((plan) => replicates(plan)),
  },
  {
    faults: ['writer_dies'],
    because:
      'a writer that dies between commit and eviction is covered by an intent, else by the TTL alone (docs/writes.md)',
    where: ({ isolates }) =>
      isolates.some((plan) => intentsMsOf(plan, 'rows') === 0 || intentsMsOf(plan, 'others') === 0),
  },
  {
    faults: ['writer_dies'],
    because:
      'a replica may be behind the commit of a write whose intent is over; `settle` counts from evictions, and of this ' +
      'commit there is none (design.md section 2: assumed)',
    where: ({ world }) => world.replicaLagMs > 0,
  },
  {
    faults: ['frozen', 'frozen_hours', 'monotonic_frozen'],
    because:
      'an age is the larger of two clocks (design.md section 5): where the monotonic one stands still the wall clock must ' +
      'count all of the time',
    where: (setting) => has(setting, 'clock_back', 'clock_both_back', 'clock_frozen', 'clock_drift'),
  },
  {
    faults: ['clock_back', 'clock_both_back', 'clock_frozen', 'clock_drift'],
    because: 'the same, in the other order',
    where: (setting) => has(setting, 'frozen', 'frozen_hours', 'monotonic_frozen'),
  },
  {
    faults: ['clock_both_back'],
    because:
      'where both clocks step back together they are one, and nothing else happens to one of them (workerd)',
    where: (setting) => has(setting, 'clock_forward', 'clock_back', 'clock_frozen', 'clock_drift'),
  },
  {
    faults: ['clock_forward', 'clock_back', 'clock_frozen', 'clock_drift'],
    because: 'the same, in the other order',
    where: (setting) => has(setting, 'clock_both_back'),
  },
  {
    faults: ['loop_blocked'],
    because:
      'where requests are isolated hits share a reading of the clock within a synchronous turn alone (decision 13)',
    where: ({ isolates }) => isolates.every(({ isolatesRequests }) => isolatesRequests),
  },
  {
    faults: ['tier_wiped', 'tier_unavailable', 'tier_late'],
    because: 'there is no tier',
    where: ({ world }) => !world.tier,
  },
  {
    faults: TAIL_FAULTS,
    because: 'there is no tail',
    where: ({ world }) => world.tail === undefined,
  },
  {
    faults: STORE_FAULTS,
    because: 'there is no store of proofs',
    where: ({ world }) => world.tail?.store !== true,
  },
  {
    faults: ['tail_clock_forward'],
    because:
      'a tail whose clock is set forward between an echo and a sample makes proofs look younger, where its own clock is what ' +
      'ages are made of: assumed not to happen (docs/coherence.md)',
    where: ({ world }) => world.tail?.clock === 'own',
  },
  {
    faults: ['tail_frozen'],
    because:
      'a tail that stands still is seen by the difference of its clocks, which must not be stepped meanwhile',
    where: (setting) => has(setting, 'tail_clock_back', 'tail_clock_forward'),
  },
  {
    faults: ['tail_clock_back', 'tail_clock_forward'],
    because: 'the same, in the other order',
    where: (setting) => has(setting, 'tail_frozen'),
  },
  {
    faults: ['consumers_expired'],
    because: 'there are no consumers',
    where: ({ world }) => !CONSUMERS.includes(world.proxy),
  },
]

const CONSUMERS: readonly string[] = ['strimzi', 'karapace', 'confluent']

/** Whether values of aborted transactions are kept back (`capabilities.readCommitted` of the adapters). */
export const readsCommitted = ({ proxy, identity }: WorldPlan): boolean =>
  proxy === 'memory' || proxy === 'strimzi' || (proxy === 'confluent' && identity)

/**
 * Whether every isolate can be relied upon to look at the record before its position when the log is another one. What
 * gets in the way of that one read leaves a log unverified; and values from elsewhere carry the as-of of a log that
 * the isolate cannot name.
 */
function canFindAgain({ world, isolates, on }: Setting): boolean {
  if (world.tier || isolates.some((plan) => replicates(plan))) return false
  return [...on].every((name) => HARMLESS.includes(name))
}
