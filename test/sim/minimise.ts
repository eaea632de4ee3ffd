/**
 * Shrinks a scenario that fails to the smallest one that still does: delta debugging over its steps, then over its
 * isolates, then over its numbers.
 *
 * @module
 */
import type { FaultStep, FeatureName, IsolatePlan, Scenario, Step, WorldPlan } from './scenario.ts'

export interface Limits {
  /** How many scenarios are tried at most. @default 2000 */
  readonly runs?: number
  /** Whether it has taken too long. @default never */
  readonly expired?: () => boolean
}

export interface Minimal {
  readonly scenario: Scenario
  readonly runs: number
  /** Nothing more can be left out; else a limit ended it. */
  readonly complete: boolean
}

/**
 * @param fails whether a scenario fails in the way that matters. Of one that throws it is for the caller to say.
 */
export async function minimise(
  scenario: Scenario,
  fails: (scenario: Scenario) => Promise<boolean> | boolean,
  { runs: most = 2000, expired = () => false }: Limits = {},
): Promise<Minimal> {
  let runs = 0
  let best = scenario
  const isOver = () => runs >= most || expired()
  const attempt = async (candidate: Scenario): Promise<boolean> => {
    if (isOver()) return false
    runs++
    if (!(await fails(candidate))) return false
    best = candidate
    return true
  }
  let before: string | undefined
  // What one pass leaves out may make room for another.
  while (before !== JSON.stringify(best) && !isOver()) {
    before = JSON.stringify(best)
    await fewer(best.steps.length, (kept) => attempt({ ...best, steps: kept.map((at) => best.steps[at]!) }))
    await fewerIsolates(() => best, attempt)
    for (const simplify of [simplerWorld, simplerIsolates, simplerSteps, earlier])
      for (let at = 0; ; at++) {
        // Of the current best: each that is taken is a new start.
        const candidates = simplify(best)
        if (at >= candidates.length || isOver()) break
        await attempt(candidates[at]!)
      }
  }
  return { scenario: best, runs, complete: !isOver() }
}

/**
 * Zeller's ddmin over indices `0 … count − 1`: leaves out ever smaller parts. `attempt` is given the indices that are
 * kept, counted in what is kept now; where it returns `true`, that is what is left.
 */
async function fewer(count: number, attempt: (kept: readonly number[]) => Promise<boolean>): Promise<void> {
  let left = count
  for (let size = Math.ceil(left / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < left;) {
      const to = Math.min(left, from + size)
      const kept = Array.from({ length: left }, (_, at) => at).filter((at) => at < from || at >= to)
      if (await attempt(kept)) left = kept.length
      else from = to
    }
  }
}

/** Leaves out isolates without calls, and moves the calls of one isolate to another. */
async function fewerIsolates(
  best: () => Scenario,
  attempt: (candidate: Scenario) => Promise<boolean>,
): Promise<void> {
  for (let gone = best().isolates.length - 1; gone >= 0 && best().isolates.length > 1; gone--) {
    const { steps, isolates } = best()
    const others = isolates.filter((_, at) => at !== gone)
    const moved = (at: number): number => (at > gone ? at - 1 : at)
    const without = steps.filter(({ isolate }) => isolate !== gone)
    const renumbered = (from: readonly Step[], instead: number): Step[] =>
      from.map((step) =>
        step.isolate === undefined
          ? step
          : { ...step, isolate: step.isolate === gone ? instead : moved(step.isolate) },
      )
    if (await attempt({ ...best(), isolates: others, steps: renumbered(without, 0) })) continue
    if (without.length < steps.length)
      await attempt({ ...best(), isolates: others, steps: renumbered(steps, 0) })
  }
}

const CALM_WORLD: Partial<WorldPlan> = {
  tier: false,
  replicaLagMs: 0,
  evictionPartitions: 1,
  identity: true,
  proxy: 'memory',
  latencyMs: 5,
  loadMs: 20,
}

const CALM_ISOLATE: Partial<IsolatePlan> = {
  isolatesRequests: false,
  skewMs: 0,
  namespaces: {},
  without: {},
  follow: true,
  share: true,
  swrMs: 0,
  staleIfErrorMs: 0,
  timeoutMs: undefined,
  maxEntries: 10_000,
  maxBytes: 32_000_000,
  maxRememberedEvictions: 4096,
  maxCatchUpRecords: 10_000,
  maxPollBytes: 1_000_000,
  lookBack: 1000,
  announceExpiry: false,
  gzipAboveBytes: 1e9,
  follows: false,
}

/** Sets one property after the other to its harmless value. */
function calmer<T extends object>(now: T, calm: Partial<T>): T[] {
  return Object.entries(calm)
    .filter(([name, value]) => JSON.stringify(now[name as keyof T]) !== JSON.stringify(value))
    .map(([name, value]) => ({ ...now, [name]: value }))
}

const simplerWorld = (scenario: Scenario): Scenario[] =>
  calmer(scenario.world, CALM_WORLD).map((world) => ({ ...scenario, world }))

function simplerIsolates(scenario: Scenario): Scenario[] {
  const { isolates } = scenario
  const alone = isolates.flatMap((isolate, index) =>
    [...calmer(isolate, CALM_ISOLATE), ...fewerFeatures(isolate)].map((simpler) =>
      isolates.map((other, at) => (at === index ? simpler : other)),
    ),
  )
  // The same for all of them: in the same namespaces, too.
  const intentless = isolates.map((isolate) => leftOut(isolate, 'writeIntents'))
  const all = isolates.some(({ use }) => use.includes('writeIntents')) ? [...alone, intentless] : alone
  return all.map((simpler) => ({ ...scenario, isolates: simpler }))
}

const leftOut = (isolate: IsolatePlan, feature: FeatureName): IsolatePlan => ({
  ...isolate,
  use: isolate.use.filter((name) => name !== feature),
})

const fewerFeatures = (isolate: IsolatePlan): IsolatePlan[] =>
  isolate.use.filter((name) => name !== 'writeIntents').map((name) => leftOut(isolate, name))

function simplerSteps(scenario: Scenario): Scenario[] {
  const { steps } = scenario
  return steps.flatMap((step, index) =>
    plainer(step).map((instead) => ({
      ...scenario,
      steps: steps.map((other, at) => (at === index ? instead : other)),
    })),
  )
}

function plainer(step: Step): Step[] {
  if (step.do === 'read') {
    const { after, bare, ...plain } = step
    return [
      ...(after ? [{ ...plain, ...(bare ? { bare } : {}) }] : []),
      ...(bare ? [{ ...plain, ...(after ? { after } : {}) }] : []),
      ...(step.how === 'getOrSet' ? [] : [{ ...step, how: 'getOrSet' } as const]),
    ]
  }
  if (step.do === 'write') {
    const isPlain = step.how === 'delete' || step.how === 'set'
    return [
      ...(isPlain ? [] : [{ ...step, how: 'delete' } as const]),
      ...(step.pauseMs > 0 ? [{ ...step, pauseMs: 0 }] : []),
    ]
  }
  return simplerFault(step)
}

function simplerFault(step: FaultStep): Step[] {
  const { forMs, amount } = step
  return [
    ...smaller(forMs).map((less) => ({ ...step, forMs: less })),
    ...smaller(amount).map((less) => ({ ...step, amount: less })),
  ]
}

/** Smaller numbers, the smallest first. */
function smaller(number: number | undefined): number[] {
  if (number === undefined || number <= 1) return []
  return [...new Set([1, Math.floor(number / 10), Math.floor(number / 2)])].filter(
    (less) => less >= 1 && less < number,
  )
}

/** What comes after a pause, with all that follows: at once, or after a shorter one. */
function earlier(scenario: Scenario): Scenario[] {
  const { steps } = scenario
  return steps.flatMap(({ at }, index) => {
    const pause = at - (steps[index - 1]?.at ?? 0)
    return [pause, Math.floor(pause / 2), at % 100]
      .filter((less, which, all) => less > 0 && less <= pause && all.indexOf(less) === which)
      .map((less) => ({
        ...scenario,
        steps: steps.map((step, which) => (which < index ? step : { ...step, at: step.at - less })),
      }))
  })
}
