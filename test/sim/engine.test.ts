/** The simulator itself: time, isolates, requests, and that what happens depends on the scenario alone. */
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { Clock } from './engine/clock.ts'
import { Life } from './engine/life.ts'
import { Universe } from './engine/universe.ts'
import { FAULTS, type FaultClass, type FaultName } from './faults.ts'
import { plan as planOf } from './plan.ts'
import type { FaultStep, TailPlan, IsolatePlan, ProxyName, Scenario, Step, WorldPlan } from './scenario.ts'
import { simulate } from './simulate.ts'
import { traceHash } from './trace-hash.ts'
import type { Trace, TraceEvent } from './trace.ts'

const PLAN: IsolatePlan = {
  isolatesRequests: false,
  skewMs: 0,
  use: ['sharedTier', 'replicate'],
  namespaces: {},
  without: {},
  follow: true,
  share: true,
  onUnreachable: 'stale',
  maxOutageMs: 5000,
  swrMs: 0,
  staleIfErrorMs: 0,
  timeoutMs: undefined,
  hardTimeoutMs: 3000,
  pollTimeoutMs: 500,
  maxEntries: 100,
  maxBytes: 1_000_000,
  maxRememberedEvictions: 100,
  maxCatchUpRecords: 10_000,
  maxPollBytes: 1000,
  lookBack: 0,
  intentsMs: 0,
  announceExpiry: false,
  gzipAboveBytes: 1024,
  follows: false,
}

const WORLD: WorldPlan = {
  proxy: 'memory',
  identity: true,
  evictionPartitions: 1,
  latencyMs: 20,
  replicaLagMs: 0,
  loadMs: 100,
  tier: false,
  maxStalenessMs: 1000,
  ttlMs: 30_000,
}

const read = (at: number, isolate = 0, more: Partial<Step> = {}): Step =>
  ({ at, do: 'read', isolate, space: 'rows', key: 'a', how: 'getOrSet', ...more }) as Step
const write = (at: number, isolate = 0, more: Partial<Step> = {}): Step =>
  ({ at, do: 'write', isolate, space: 'rows', key: 'a', how: 'delete', pauseMs: 5, ...more }) as Step
const fault = (at: number, name: FaultName, more: Partial<FaultStep> = {}): Step => ({
  at,
  do: 'fault',
  fault: name,
  ...more,
})

const scenario = (
  steps: readonly Step[],
  plans: readonly Partial<IsolatePlan>[] = [{}, {}],
  world: Partial<WorldPlan> = {},
  seed = 1,
): Scenario => ({
  seed,
  world: { ...WORLD, ...world },
  isolates: plans.map((plan) => ({ ...PLAN, ...plan })),
  steps: steps.toSorted((one, other) => one.at - other.at),
})

/** Reads and writes of two keys by two isolates for some seconds. */
const busy = (until = 6000): Step[] =>
  Array.from({ length: until / 100 }, (_, at) => {
    const key = at % 3 === 0 ? 'b' : 'a'
    return at % 7 === 6 ? write(at * 100, at % 2, { key }) : read(at * 100, at % 2, { key })
  })

type Of<Type extends TraceEvent['type']> = Extract<TraceEvent, { type: Type }>
const of = <Type extends TraceEvent['type']>(trace: Trace, type: Type): Of<Type>[] =>
  trace.events.filter((event): event is Of<Type> => event.type === type)

const PROXIES: readonly ProxyName[] = [
  'memory',
  'redpanda',
  'strimzi',
  'karapace',
  'confluent',
  'upstash',
  'warpstream',
]

describe('a simulated run', () => {
  it.each(PROXIES)('serves hits and reflects evictions over %s', async (proxy) => {
    const steps = [read(0), read(500), write(2000, 1), read(4500), read(6000)]
    // Karapace's polls wait out their time.
    const plan = { pollTimeoutMs: 1500 }
    const trace = await simulate(scenario(steps, [plan, plan], { proxy }))
    const served = of(trace, 'served').filter(({ read: number }) => number <= 4)
    expect(served.map(({ from }) => from)).toEqual(['loader', expect.anything(), expect.anything(), 'memory'])
    expect(served.map(({ row }) => row?.version)).toEqual([0, 0, 1, 1])
    expect(of(trace, 'acknowledged')).toHaveLength(1)
    expect(of(trace, 'end')).toMatchObject([{ openReads: [], openWrites: [] }])
    // At rest both hold the row as it is.
    expect(of(trace, 'holds').map(({ row }) => row?.version)).toEqual([1, 1])
  })

  it('takes no time of this machine', async () => {
    const trace = await simulate(
      scenario([read(0), fault(1000, 'frozen_hours', { isolate: 0 }), read(40_000_000)]),
    )
    expect(trace.events.at(-1)!.t).toBeGreaterThan(40_000_000)
  })

  it('serves hits of one turn by one reading of the clock, whatever blocks the loop in it', async () => {
    const steps = [read(0), read(200), fault(300, 'loop_blocked', { isolate: 0, forMs: 5000 }), read(5500)]
    const trace = await simulate(scenario(steps, [{}], { ttlMs: 2000 }))
    const ages = of(trace, 'served').flatMap(({ t, row, from }) =>
      from === 'memory' && row ? [{ t, ageMs: t - row.readAt }] : [],
    )
    const old = ages.filter(({ ageMs }) => ageMs > 2000)
    expect(old.length).toBeGreaterThan(0)
    // All in the turn in which the loop goes on, and not for longer than a reading may be used.
    expect(new Set(old.map(({ t }) => t))).toEqual(new Set([5300]))
    expect(old.length).toBeLessThanOrEqual(64)
    // The next turn sees how late it is.
    expect(of(trace, 'load').filter(({ t }) => t >= 5300 && t < 5600)).toHaveLength(1)
  })

  it('freezes an isolate in the moment in which it came to life, once its first turn is over', async () => {
    // An isolate of this plan asks for the first time after others have come to life.
    const planned = planOf(8195)
    const trace = await simulate({ ...planned, steps: planned.steps.slice(0, 3) })
    const frozen = trace.events.findIndex(({ type }) => type === 'frozen')
    const thawed = trace.events.findIndex(({ type }) => type === 'thawed')
    expect(frozen).toBeGreaterThan(0)
    expect(trace.events[frozen]!.t).toBe(0)
    // What it asks in its first turn it asks before.
    const asked = trace.events.flatMap((event, at) =>
      event.type === 'asked' && event.isolate === 2 ? [at] : [],
    )
    expect(asked[0]).toBeLessThan(frozen)
    expect(asked.filter((at) => at > frozen && at < thawed)).toEqual([])
  })

  it('leaves the platform as it was', async () => {
    const platform = () => [
      setTimeout,
      clearTimeout,
      setInterval,
      setImmediate,
      Date,
      fetch,
      Blob,
      AbortController,
      Math.random,
    ]
    const before = platform()
    const now = Reflect.get(performance, 'now') as unknown
    await simulate(scenario(busy(1000), [{ gzipAboveBytes: 10 }]))
    expect(platform()).toEqual(before)
    expect(Reflect.get(performance, 'now')).toBe(now)
    expect(Math.abs(Date.now() - new Date().getTime())).toBeLessThan(1000)
    await new Promise((resolve) => setTimeout(resolve, 1))
  })
})

describe('the hash of a trace', () => {
  const isolates = [{ isolatesRequests: true, gzipAboveBytes: 40 }, { follows: true }]
  const steps = [
    ...busy(),
    fault(500, 'request_lost', { amount: 30, forMs: 3000 }),
    fault(1500, 'killed', { isolate: 0, amount: 5 }),
    fault(2500, 'clock_back', { amount: 4000 }),
  ]
  const hash = async (proxy: ProxyName, seed: number) =>
    traceHash(await simulate(scenario(steps, isolates, { proxy, tier: true }, seed)))

  it.each(PROXIES)('is the same for the same run over %s, and another for another seed', async (proxy) => {
    const first = await hash(proxy, 7)
    expect(await hash(proxy, 7)).toBe(first)
    expect(await hash(proxy, 8)).not.toBe(first)
  })

  it('is the same in another process', async () => {
    const data = JSON.stringify(scenario(steps, isolates, { proxy: 'strimzi', tier: true }, 7))
    const program = `
      import { simulate } from ${JSON.stringify(new URL('./simulate.ts', import.meta.url).href)}
      import { traceHash } from ${JSON.stringify(new URL('./trace-hash.ts', import.meta.url).href)}
      console.log(traceHash(await simulate(JSON.parse(process.argv[1]))))`
    const told = execFileSync(process.execPath, ['--input-type=module', '-e', program, data], {
      encoding: 'utf8',
    })
    expect(told.trim()).toBe(await hash('strimzi', 7))
  })
})

describe('a simulated isolate', () => {
  it('does nothing any more once it was killed, also in the middle of a step, and another one takes its place', async () => {
    const steps = [read(0), read(1500), fault(1400, 'killed', { isolate: 0, amount: 3 }), read(6000)]
    const trace = await simulate(scenario(steps, [{}]))
    const [killed] = of(trace, 'killed')
    expect(killed).toMatchObject({ t: 1500, isolate: 0 })
    const at = trace.events.indexOf(killed!)
    const after = trace.events.slice(at + 1).filter((event) => 'isolate' in event && event.isolate === 0)
    expect(after.filter(({ type }) => type !== 'fault')).toEqual([])
    expect(of(trace, 'isolate').map(({ isolate, seat }) => [isolate, seat])).toEqual([
      [0, 0],
      [1, 0],
    ])
    // A later request begins with an empty cache, and no call waits for the one that was killed.
    expect(of(trace, 'served').find(({ t }) => t >= 6000)).toMatchObject({ from: 'loader' })
    expect(of(trace, 'end')).toMatchObject([{ openReads: [], openWrites: [] }])
  })

  it('stands still while it is frozen, and does what is overdue at once when it goes on', async () => {
    const frozen = fault(1000, 'frozen', { isolate: 0, forMs: 5000 })
    const steps = [read(0), read(800), frozen, read(2000), read(3000), read(8000, 1)]
    const trace = await simulate(scenario(steps))
    const doing = trace.events.filter(
      (event) => 'isolate' in event && event.isolate === 0 && event.type !== 'fault',
    )
    const still = doing.filter(({ t }) => t > 1000 && t < 6000)
    expect(still).toEqual([])
    expect(of(trace, 'read').filter(({ t }) => t === 6000)).toHaveLength(2)
  })

  it.each([
    ['hangs, where requests are isolated, for callers that share its promise', true],
    ['hurts no other caller, where promises are shared', false],
  ])('whose leader is cancelled %s: the product takes over', async (_, isolatesRequests) => {
    const cancelled = fault(1010, 'leader_cancelled', { isolate: 0 })
    // Bare: no `waitUntil` keeps alive what the first request has begun.
    const steps = [read(1000, 0, { bare: true }), cancelled, read(1020), read(1030, 0, { bare: true })]
    const trace = await simulate(scenario(steps, [{ isolatesRequests }], { loadMs: 500 }, 3))
    expect(of(trace, 'cancelled')).toHaveLength(isolatesRequests ? 1 : 0)
    expect(of(trace, 'load_lost')).toHaveLength(isolatesRequests ? 1 : 0)
    expect(of(trace, 'served').filter(({ read: number }) => number <= 3)).toHaveLength(
      isolatesRequests ? 2 : 3,
    )
    const takeovers = of(trace, 'says').filter(({ event }) => event.type === 'takeover')
    expect(takeovers.length > 0).toBe(isolatesRequests)
    expect(of(trace, 'end')).toMatchObject([{ openReads: [], openWrites: [] }])
  })

  it('drops the work of a request that has ended, unless the request left it under waitUntil', async () => {
    const { universe, life, request } = lifeOf(true)
    let heard = ''
    await universe.run(async () => {
      const bare = request()
      bare.place.enter(() => universe.at(50, bare.place, () => (heard += 'bare ')))
      universe.at(10, bare.place, () => bare.answer())
      const kept = request()
      universe.at(0, kept.place, () =>
        kept.waitUntil(new Promise((end) => universe.at(60, kept.place, () => end(1)))),
      )
      universe.at(10, kept.place, () => kept.answer())
      universe.at(40, kept.place, () => (heard += 'kept '))
      universe.at(80, kept.place, () => (heard += 'over '))
      const long = request()
      universe.at(0, long.place, () => long.waitUntil(new Promise(() => undefined)))
      universe.at(10, long.place, () => long.answer())
      universe.at(30_000, long.place, () => (heard += 'long '))
      universe.at(30_020, long.place, () => (heard += 'too long '))
      await universe.sleep(40_000)
    })
    expect(heard).toBe('kept long ')
    expect(life.alive).toBe(true)
  })
})

describe('virtual time', () => {
  it('passes by events alone, each of which runs to its end before the next', async () => {
    const { universe } = lifeOf(false)
    const seen: string[] = []
    const say = (what: string) => seen.push(`${universe.now} ${what}`)
    await universe.run(async () => {
      const run = async () => {
        say('first')
        for (let turn = 0; turn < 1000; turn++) await Promise.resolve()
        await new Promise<void>((resolve) => process.nextTick(resolve))
        const body = new Response('ab').body!.pipeThrough(new TransformStream())
        say(`still ${await new Response(body).text()}`)
      }
      universe.after(5, () => void run())
      universe.after(5, () => say('second'))
      universe.after(3, () => say('before'))
      await universe.sleep(3_600_000)
    })
    expect(seen).toEqual(['3 before', '5 first', '5 still ab', '5 second'])
  })

  it('ends with an error where nothing is left to happen', async () => {
    const { universe } = lifeOf(false)
    await expect(universe.run(() => new Promise(() => undefined))).rejects.toThrow('nothing is left')
  })

  it('has clocks that are wrong', () => {
    const clock = new Clock(0, 1000)
    clock.run(10, 2)
    expect([clock.read(10), clock.read(20)]).toEqual([1010, 1030])
    clock.run(20, 0)
    clock.step(25, -500)
    expect([clock.read(25), clock.read(1e6)]).toEqual([530, 530])
  })
})

/** What makes each class of faults meet an isolate, beside the reads and writes that run all the time. */
interface Stage {
  readonly proxy?: ProxyName
  readonly amount?: number
  readonly steps?: readonly Step[]
  readonly plan?: Partial<IsolatePlan>
}

const TAIL: TailPlan = { colos: 1, tails: 1, store: true, small: false, clock: 'own', refreshPart: 0.25 }

const STAGES: Partial<Record<FaultName, Stage>> = {
  consumers_expired: { proxy: 'karapace' },
  proxy_restart: { proxy: 'strimzi' },
  request_late: { amount: 3000 },
  answer_late: { amount: 3000 },
  leader_cancelled: { steps: [read(2999, 0, { key: 'far' })] },
  wait_until_cut: { steps: [read(2980, 0, { key: 'far', how: 'get' })] },
  killed: { amount: 1 },
  clock_drift: { amount: 50 },
  loader_slow: { amount: 2000 },
  tier_late: { amount: 3000 },
  tail_late: { amount: 3000 },
  tail_clock_back: { amount: 2000 },
  tail_clock_forward: { amount: 2000 },
  store_late: { amount: 3000 },
  truncation: { amount: 100 },
  // Seen where the other clock does not show it.
  monotonic_frozen: { steps: [fault(2900, 'clock_frozen', { forMs: 2000 })] },
  tier_wiped: {
    plan: { maxEntries: 1, use: ['sharedTier'] },
    steps: [read(2500, 0, { key: 'c' }), read(2800, 0, { key: 'd' }), read(3100, 0, { key: 'c' })],
  },
}

describe('each class of faults meets an isolate, and changes what happens', () => {
  const stage = (name: FaultName, isOn: boolean) => {
    const { proxy = 'memory', amount, steps = [], plan = {} } = STAGES[name] ?? {}
    const plans = [
      { isolatesRequests: true, ...plan },
      { follows: true, ...plan },
    ]
    // Percent of what it meets: all.
    const { amount: unit }: FaultClass = FAULTS[name]
    const usual = unit?.startsWith('percent of') ? 100 : 4
    const on = fault(3000, name, { forMs: 1500, amount: amount ?? usual })
    return scenario(
      [...busy(7000), ...steps, ...(isOn ? [on] : [])],
      plans,
      { proxy, tier: true, loadMs: 300, ...(FAULTS[name].of === 'tail' && { tail: TAIL }) },
      5,
    )
  }

  it.each(Object.keys(FAULTS) as FaultName[])('%s', async (name) => {
    const [calm, broken] = [await simulate(stage(name, false)), await simulate(stage(name, true))]
    const [end] = of(broken, 'end')
    expect(end?.met?.[name]).toBeGreaterThan(0)
    expect(end).toMatchObject({ openReads: [], openWrites: [] })
    const events = ({ events: all }: Trace) =>
      all.filter(({ type }) => !type.startsWith('fault') && type !== 'end')
    expect(traceHash({ ...broken, events: events(broken) })).not.toBe(
      traceHash({ ...calm, events: events(calm) }),
    )
  })
})

function lifeOf(isolatesRequests: boolean) {
  const universe = new Universe(1)
  const nothing = () => undefined
  const told = { onHidden: nothing, onDeath: nothing, onSettled: nothing }
  const life = new Life({ universe, name: 'one', skewMs: 0, isolatesRequests, ...told })
  let requests = 0
  return { universe, life, request: () => life.open(++requests) }
}
