/** The simulator itself: time, isolates, requests, and that what happens depends on the scenario alone. */
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import type { FaultName } from './faults.ts'
import type { FaultStep, IsolatePlan, ProxyName, Scenario, Step, WorldPlan } from './scenario.ts'
import { simulate } from './simulate.ts'
import { traceHash } from './trace-hash.ts'
import type { Trace, TraceEvent } from './trace.ts'

const PLAN: IsolatePlan = {
  isolatesRequests: false,
  skewMs: 0,
  mode: 'replicate',
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

  it('leaves the platform as it was', async () => {
    const before = [setTimeout, clearTimeout, setInterval, Date, fetch, Blob, Math.random, performance.now]
    await simulate(scenario(busy(1000), [{ gzipAboveBytes: 10 }]))
    expect([setTimeout, clearTimeout, setInterval, Date, fetch, Blob, Math.random, performance.now]).toEqual(
      before,
    )
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
