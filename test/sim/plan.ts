/**
 * A scenario of a seed: its fleet, its calls, and its faults. A pure function.
 *
 * @module
 */
import { draw } from './draw.ts'
import type { Draw } from './draw.ts'
import { SPACES } from './features.ts'
import { EXEMPTIONS, FAULT_NAMES, INTENSITIES, readsCommitted, SWARM } from './intensity.ts'
import type { Setting } from './intensity.ts'
import type { FaultName } from './faults.ts'
import type {
  FaultStep,
  FeatureName,
  IsolatePlan,
  ProxyName,
  ReadStep,
  Scenario,
  SpaceName,
  Step,
  TailPlan,
  WorldPlan,
  WriteStep,
} from './scenario.ts'

export interface PlanOptions {
  /** Always this one. */
  readonly proxy?: ProxyName
  /** How many reads and writes; else 25 to 250, mostly few: many short runs find more than few long ones. */
  readonly steps?: number
  /** No other classes than these. */
  readonly faults?: readonly FaultName[]
}

/** The cheap ones mostly: what differs between proxies is in the adapters, what they share is found with any of them. */
const PROXIES: Readonly<Record<ProxyName, number>> = {
  memory: 74,
  redpanda: 12,
  strimzi: 3,
  karapace: 2,
  confluent: 4,
  upstash: 2,
  warpstream: 3,
}

/** Of those whose adapters can get the log's identity (`gateway()`, and `upstash()` over the gateway); the others never do. */
export const IDENTITY: Readonly<Partial<Record<ProxyName, number>>> = {
  memory: 0.8,
  confluent: 0.5,
  upstash: 0.5,
}

/** What a plan makes of a seed. */
export function plan(seed: number, options: PlanOptions = {}): Scenario {
  const fleet = featuresOf(draw(seed, 'features'))
  const world = withTail(draw(seed, 'tail'), worldOf(draw(seed, 'world'), fleet, options))
  const isolates = isolatesOf(seed, world, fleet)
  const load = loadOf(seed, world, isolates, options)
  const faults = faultsOf(seed, { world, isolates }, load, options)
  const steps = [...load, ...faults]
    .map((step, index) => ({ step, index }))
    .sort((one, other) => one.step.at - other.step.at || one.index - other.index)
    .map(({ step }) => step)
  return { seed, world, isolates, steps: withHours(seed, steps) }
}

/** What the isolates of a fleet use, and how often that is so: none, each alone, and together. */
const FEATURES = {
  '': 25,
  sharedTier: 9,
  replicate: 18,
  writeIntents: 12,
  'sharedTier replicate': 6,
  'sharedTier writeIntents': 6,
  'replicate writeIntents': 12,
  'sharedTier replicate writeIntents': 12,
} as const

/** The features of a fleet. */
interface FleetFeatures {
  readonly names: readonly FeatureName[]
  /** How many of the isolates replicate, beside the first. */
  readonly replicating: number
  readonly intentsMs: number
  /** The namespaces of which writes are announced: every isolate must know of them. */
  readonly announced: readonly SpaceName[]
}

function featuresOf(of: Draw): FleetFeatures {
  const names = of.weighted(FEATURES).split(' ').filter(Boolean) as FeatureName[]
  return {
    names,
    replicating: of.pick([0.5, 1]),
    intentsMs: of.pick([2000, 5000, 10_000]),
    announced: of.chance(0.75) ? SPACES : of.pick(SOME_SPACES),
  }
}

/** Namespaces, but not all of them. */
const SOME_SPACES: readonly (readonly SpaceName[])[] = [
  ['rows'],
  ['others'],
  ['sets'],
  ['rows', 'others'],
  ['rows', 'sets'],
]

type Use = Pick<IsolatePlan, 'use' | 'namespaces' | 'without' | 'follow' | 'share'>

/** What one isolate uses of them, in any order. The first uses all: so each of them is used. */
function useOf(of: Draw, isFirst: boolean, { names, replicating, announced }: FleetFeatures): Use {
  const often: Record<FeatureName, number> = { sharedTier: 0.8, replicate: replicating, writeIntents: 1 }
  const use = names
    .filter((name) => of.chance(often[name]) || isFirst)
    .map((name) => ({ name, rank: of.unit() }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ name }) => name)
  const namespaces: Partial<Record<FeatureName, readonly SpaceName[]>> = {}
  const without: Partial<Record<SpaceName, FeatureName[]>> = {}
  const leaveOut = (space: SpaceName, name: FeatureName) =>
    (without[space] = [...(without[space] ?? []), name])
  for (const name of use) {
    if (name === 'writeIntents') {
      if (announced.length === SPACES.length) continue
      // Either says the same.
      if (of.chance(0.5)) namespaces[name] = announced
      else for (const space of SPACES) if (!announced.includes(space)) leaveOut(space, name)
    } else {
      if (of.chance(0.2)) namespaces[name] = of.pick(SOME_SPACES)
      if (of.chance(0.15)) leaveOut(of.pick(SPACES), name)
    }
  }
  const [follow, share] = of.pick([
    [true, true],
    [true, true],
    [true, true],
    [true, false],
    [false, true],
  ] as const)
  return { use, namespaces, without, follow, share }
}

function worldOf(of: Draw, { names }: FleetFeatures, options: PlanOptions): WorldPlan {
  const chosen = of.weighted(PROXIES)
  const proxy = options.proxy ?? chosen
  const identity = of.chance(IDENTITY[proxy] ?? 0)
  return {
    proxy,
    identity,
    evictionPartitions: of.pick([1, 1, 1, 2, 3]),
    latencyMs: of.pick([5, 20, 60, 120]),
    replicaLagMs: of.chance(0.2) ? of.pick([50, 400, 1500]) : 0,
    loadMs: of.pick([20, 200, 800]),
    tier: names.includes('sharedTier'),
    maxStalenessMs: of.pick([300, 1000, 1000, 2000, 4000]),
    ttlMs: of.pick([2500, 8000, 20_000, 60_000]),
  }
}

/** Some worlds have tails, of those whose logs have an identity. */
function withTail(of: Draw, world: WorldPlan): WorldPlan {
  const drawn = {
    colos: of.between(1, 3),
    tails: of.between(1, 2),
    store: of.chance(0.5),
    clock: of.chance(0.33) ? ('log' as const) : ('own' as const),
    refreshPart: of.pick([0.25, 0.5, 0.5, 0.8]),
  }
  const isShared = of.chance(0.4) && world.identity
  const tail: TailPlan = { ...drawn, small: of.chance(0.6) }
  return isShared ? { ...world, tail } : world
}

function isolatesOf(seed: number, world: WorldPlan, fleet: FleetFeatures): IsolatePlan[] {
  const of = draw(seed, 'isolates')
  const count = of.pick([2, 2, 2, 2, 3, 3, 3, 4, 5, 8])
  return Array.from({ length: count }, (_, at) =>
    isolateOf(
      draw(seed, `isolate ${at}`),
      world,
      useOf(draw(seed, `features ${at}`), at === 0, fleet),
      fleet.intentsMs,
    ),
  )
}

function isolateOf(
  of: Draw,
  { proxy, maxStalenessMs, latencyMs, ttlMs }: WorldPlan,
  used: Use,
  intentsMs: number,
): IsolatePlan {
  const isolatesRequests = of.chance(0.5)
  return {
    isolatesRequests,
    skewMs: of.chance(0.3) ? of.between(-600_000, 600_000) : of.between(-500, 500),
    ...used,
    onUnreachable: of.pick(['stale', 'bypass', 'throw'] as const),
    maxOutageMs: of.pick([maxStalenessMs, 5000, 30_000].filter((ms) => ms >= maxStalenessMs)),
    swrMs: of.chance(0.3) ? of.pick([500, 4000]) : 0,
    staleIfErrorMs: of.chance(0.3) ? of.pick([1000, 8000]) : 0,
    timeoutMs: of.chance(0.2) ? of.pick([20, 200]) : undefined,
    hardTimeoutMs: of.pick([1500, 3000, 8000]),
    pollTimeoutMs: Math.max(of.pick([200, 500, 2000]), LEAST_POLL[proxy] + 2 * REQUESTS[proxy] * latencyMs),
    maxEntries: of.chance(0.3) ? of.between(1, 3) : of.pick([8, 100, 10_000]),
    maxBytes: of.chance(0.15) ? of.pick([600, 1500, 4000]) : 32_000_000,
    maxRememberedEvictions: of.chance(0.25) ? of.between(1, 2) : of.pick([16, 4096]),
    maxCatchUpRecords: of.chance(0.25) ? 5 : 10_000,
    maxPollBytes: of.chance(0.25) ? of.pick([50, 300]) : 1_000_000,
    lookBack: of.pick([0, 3, 20, 1000]),
    intentsMs,
    announceExpiry: of.chance(ttlMs < 10_000 ? 0.15 : 0.05),
    gzipAboveBytes: of.chance(0.1) ? 0 : of.pick([1024, 1e9]),
    follows: !isolatesRequests && of.chance(0.2),
  }
}

/** How many requests a poll may take, one after the other: the plan gives none less time than they need. */
const REQUESTS: Readonly<Record<ProxyName, number>> = {
  memory: 2,
  redpanda: 4,
  strimzi: 8,
  karapace: 8,
  confluent: 8,
  upstash: 3,
  warpstream: 4,
}
/** How long a proxy itself may take: consumers that are new have to warm up. */
const LEAST_POLL: Readonly<Record<ProxyName, number>> = {
  memory: 0,
  redpanda: 0,
  strimzi: 1000,
  karapace: 1000,
  confluent: 1000,
  upstash: 0,
  warpstream: 0,
}

/** Keys of rows, the first of them the most popular; some share a prefix. */
const KEYS = ['a', 'eu/b', 'c', 'eu/d', 'us/e', 'f', 'g', 'eu/h', 'i', 'us/j', 'k', 'l', 'm', 'n', 'o', 'p']
/**
 * Keys that are written once, by `setVersion`. Of two such writes, or of one beside an eviction without a version, the
 * later in the log wins where the other's version was never seen, or was forgotten (docs/protocol.md, set).
 */
const VERSIONED = ['v1', 'v2', 'v3', 'v4']

const READS = { getOrSet: 70, get: 8, peek: 8, getMany: 6, getOrSetMany: 8 } as const
const WRITES = {
  delete: 45,
  deleteVersion: 12,
  tags: 8,
  prefix: 8,
  clear: 5,
  clearAll: 3,
  writeThrough: 14,
  foreign: 5,
} as const

const stepsOf = (of: Draw): number =>
  of.chance(0.8) ? of.between(25, 60) : of.chance(0.8) ? of.between(60, 120) : of.between(120, 250)

function loadOf(
  seed: number,
  world: WorldPlan,
  isolates: readonly IsolatePlan[],
  { steps = stepsOf(draw(seed, 'steps')) }: PlanOptions,
): (ReadStep | WriteStep)[] {
  const of = draw(seed, 'load')
  const keys = KEYS.slice(0, of.pick([1, 2, 3, 4, 6, 6, 12]))
  const unwritten = new Set(VERSIONED)
  const spaces: Record<SpaceName, number> = { rows: 75, others: of.pick([0, 12]), sets: of.pick([0, 13, 25]) }
  const writing = of.pick([0.05, 0.15, 0.15, 0.35])
  const bare = of.pick([0, 0.05, 0.5])
  // Cubed, so that most come close together and some long after.
  const pauseMs = of.pick([250, 700, 700, 2000])
  const writeMs = of.pick([0, 100, 100, 1000])
  let at = 0
  return Array.from({ length: steps }, (): ReadStep | WriteStep => {
    at += Math.floor(of.unit() ** 3 * pauseMs)
    const isolate = of.between(0, isolates.length - 1)
    const space = of.weighted(spaces)
    if (of.chance(writing)) {
      const write = { at, do: 'write', isolate, space, pauseMs: Math.floor(of.unit() * writeMs) } as const
      const [versioned] = unwritten
      if (space === 'sets') return { ...write, key: of.zipf(keys), how: 'set' }
      if (space === 'rows' && versioned !== undefined && of.chance(0.08)) {
        unwritten.delete(versioned)
        return { ...write, key: versioned, how: 'setVersion' }
      }
      return { ...write, key: of.zipf(keys), how: of.weighted(WRITES) }
    }
    const key = space === 'rows' && of.chance(0.08) ? of.pick(VERSIONED) : of.zipf(keys)
    const how = of.weighted(READS)
    return {
      at,
      do: 'read',
      isolate,
      space,
      key,
      how,
      ...(of.chance(0.12) && how !== 'peek' ? { after: true } : {}),
      ...(of.chance(bare) ? { bare: true } : {}),
    }
  })
}

function faultsOf(
  seed: number,
  fleet: Omit<Setting, 'on'>,
  load: readonly Step[],
  { faults: only = FAULT_NAMES }: PlanOptions,
): FaultStep[] {
  const of = draw(seed, 'swarm')
  const swarm = Number(of.weighted(SWARM))
  const on = new Set<FaultName>()
  const setting: Setting = { ...fleet, on }
  // In another order each time, so that of two classes that exclude each other each gets its turn.
  const order = FAULT_NAMES.map((name) => ({ name, rank: of.unit() })).sort(
    (one, other) => one.rank - other.rank,
  )
  for (const { name } of order) {
    const isOn = draw(seed, `swarm ${name}`).chance(swarm * INTENSITIES[name].on)
    const exempt = EXEMPTIONS.some(({ faults, where }) => faults.includes(name) && where(setting))
    if (isOn && !exempt && only.includes(name)) on.add(name)
  }
  const steps = [...on].flatMap((name) => faultsOfClass(draw(seed, `fault ${name}`), name, fleet, load))
  return on.has('recreation') && !fleet.world.identity ? findable(steps, fleet.world) : steps
}

/** What `times` of `INTENSITIES` is counted for. */
const STEPS = 80

function faultsOfClass(
  of: Draw,
  name: FaultName,
  { world, isolates }: Omit<Setting, 'on'>,
  load: readonly Step[],
): FaultStep[] {
  const { times, lasts, amount, aimed = 0 } = INTENSITIES[name]
  const lastsMs = load.at(-1)?.at ?? 0
  // At least one; geometric beyond it.
  const mean = (times * load.length) / STEPS
  let count = 1
  while (count < 5 * mean && of.chance(1 - 1 / Math.max(1, mean))) count++
  return Array.from({ length: count }, () => {
    const at = Math.floor(of.unit() * lastsMs)
    const fault: FaultStep = {
      at,
      do: 'fault',
      fault: name,
      ...(of.chance(aimed) ? { isolate: of.between(0, isolates.length - 1) } : {}),
      ...(lasts ? { forMs: of.heavy(...lasts) } : {}),
      ...(amount ? { amount: amount(of) } : {}),
    }
    return name.startsWith('transaction_') ? [fault, passable(of, fault, world)].flat() : [fault]
  }).flat()
}

/**
 * Control records at the very end of a partition are invisible to proxies that give no identity: the position cannot
 * pass them until another record follows (the adapters say so). The worker's heartbeat is that record.
 */
function passable(of: Draw, { at, forMs = 0 }: FaultStep, world: WorldPlan): FaultStep[] {
  if (readsCommitted(world) && world.proxy !== 'strimzi') return []
  return [{ at: at + forMs + of.heavy(300, 3000), do: 'fault', fault: 'heartbeats', amount: 1 }]
}

/** More than a partition of any plan has, so that a new one is longer than the old one was as soon as it exists. */
const MORE_THAN_ALL = 400

/** Other logs that are longer at once: see `EXEMPTIONS`. */
const findable = (faults: readonly FaultStep[], { evictionPartitions }: WorldPlan): FaultStep[] =>
  faults.flatMap((fault) => {
    if (fault.fault !== 'recreation') return [fault]
    const amount = MORE_THAN_ALL * evictionPartitions
    return [fault, { at: fault.at, do: 'fault', fault: 'heartbeats', amount }]
  })

/** While an isolate stands still for hours no other one is called: later steps come hours later. */
function withHours(seed: number, steps: readonly Step[]): readonly Step[] {
  const of = draw(seed, 'hours')
  let later = steps
  for (const [index, step] of steps.entries()) {
    if (step.do !== 'fault' || step.fault !== 'frozen_hours') continue
    const from = later[index]!.at + of.between(0, 4000)
    const byMs = Math.max(0, (step.forMs ?? 0) - of.between(0, 5000))
    later = later.map((each) => (each.at > from ? { ...each, at: each.at + byMs } : each))
  }
  return later
}
