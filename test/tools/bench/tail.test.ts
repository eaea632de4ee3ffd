import { describe, expect, it } from 'vitest'
import { billsOf, PRICES, totalOf } from '../../../tools/bench/tail/bill.ts'
import { Counts, Durations } from '../../../tools/bench/tail/counts.ts'
import { readTailOptions } from '../../../tools/bench/tail/options.ts'
import { placed } from '../../../tools/bench/tail/pages.ts'
import { pictureOf } from '../../../tools/bench/tail/picture.ts'
import type { Plan, Seen } from '../../../tools/bench/tail/plan.ts'
import { tailReport } from '../../../tools/bench/tail/report.ts'
import type { Row } from '../../../tools/bench/tail/rows.ts'
import { isMet, judge } from '../../../tools/bench/tail/targets.ts'
import { VirtualTime } from '../../../tools/bench/tail/virtual-time.ts'
import { simulate } from '../../../tools/bench/tail/world.ts'

const PLAN: Plan = {
  seed: 7,
  way: 'store',
  isolates: 24,
  colos: 2,
  tails: 1,
  seconds: 8,
  requests: 3,
  evictions: 2,
  maxStalenessMs: 2000,
  refreshAfterMs: 500,
  clock: 'gateway',
}
const tiny = (more: Partial<Plan> = {}): Promise<Seen> => simulate({ ...PLAN, ...more })

describe('a tiny world', () => {
  it('is the same for the same seed, and another one for another', async () => {
    const one = await tiny()
    expect(await tiny()).toEqual(one)
    expect(await tiny({ seed: 8 })).not.toEqual(one)
  })

  it('asks the origin for each isolate where each polls, and for each tail where they share', async () => {
    const [direct, tail, store] = [await tiny({ way: 'direct' }), await tiny({ way: 'tail' }), await tiny()]
    // At least a poll a second of each isolate, and a read for most.
    expect(direct.origin).toBeGreaterThan(24)
    expect(direct.tail).toBe(0)
    // Six samples a second, and a read for each eviction.
    for (const { origin } of [tail, store]) expect(origin).toBeLessThanOrEqual(8)
    // Every poll asks.
    expect(tail.adopted).toBe(0)
    expect(tail.tail).toBeGreaterThan(0.9 * tail.polls)
    expect(tail.matches).toBe(0)
    expect(store.tail).toBeLessThan(tail.tail / 2)
    expect(store.adopted).toBeGreaterThan(0.5)
    expect(store.matches).toBeGreaterThan(store.tail)
  })

  it('has its tail at the gateway, and asks that alone', async () => {
    const seen = await tiny({ way: 'gateway' })
    expect(seen.origin).toBe(seen.tail)
    expect(seen.adopted).toBeGreaterThan(0.5)
  })

  it('serves nothing for longer than maxStaleness, and fails no poll', async () => {
    for (const way of ['direct', 'tail', 'store', 'gateway'] as const) {
      const seen = await tiny({ way })
      expect(seen.hits).toBeGreaterThan(50)
      expect(seen).toMatchObject({ tooLong: 0, failures: 0, reanchors: 0 })
      // The checker sees what is served late: something is.
      expect(seen.longestMs).toBeGreaterThan(100)
      expect(seen.dropped.p50).toBeGreaterThan(50)
      expect(seen.dropped.p99).toBeGreaterThanOrEqual(seen.dropped.p50)
    }
  })

  it('serves for longer where maxStaleness is longer', async () => {
    const seen = await tiny({ way: 'direct', maxStalenessMs: 6000, refreshAfterMs: 5500, seconds: 16 })
    expect(seen.tooLong).toBe(0)
    expect(seen.longestMs).toBeGreaterThan(2500)
  })

  it('is asked by every isolate once more where a tail with a clock of its own is replaced, not with the gateway’s', async () => {
    const restarts = { restartEveryMs: 2000 }
    const own = await tiny({ clock: 'tail', ...restarts })
    const gateway = await tiny({ clock: 'gateway', ...restarts })
    expect(own.tail).toBeGreaterThan(1.5 * gateway.tail)
    expect(gateway.tooLong + own.tooLong).toBe(0)
  })
})

describe('virtual time', () => {
  it('does what is due in order, and lets its consequences end first', async () => {
    const time = new VirtualTime()
    const done: string[] = []
    time.after(20, () => done.push(`late ${time.now}`))
    time.after(5, () => {
      done.push(`soon ${time.now}`)
      void time.sleep(10).then(() => done.push(`slept ${time.now}`))
    })
    await time.run(17)
    expect(done).toEqual(['soon 5', 'slept 15'])
    await time.run(30)
    expect(done.at(-1)).toBe('late 20')
  })

  it('wakes a sleeper whose signal aborts', async () => {
    const controller = new AbortController()
    const sleeping = new VirtualTime().sleep(10, controller.signal)
    controller.abort(new Error('enough'))
    await expect(sleeping).rejects.toThrow('enough')
  })
})

describe('counts', () => {
  it('begin with the measured time, and know its busiest second', () => {
    let now = 0
    const counts = new Counts(() => now, 1000)
    for (const moment of [500, 1100, 2100, 2200, 2300]) {
      now = moment
      counts.add()
    }
    expect([counts.total, counts.peak]).toEqual([4, 3])
  })

  it('know quantiles', () => {
    const durations = new Durations()
    for (let ms = 1; ms <= 100; ms++) durations.add(ms)
    expect([0.5, 0.99, 1].map((part) => durations.quantile(part))).toEqual([50, 99, 100])
    expect(new Durations().quantile(0.5)).toBeNaN()
  })
})

const SEEN: Seen = {
  origin: 1000,
  evictions: 2,
  tail: 1000,
  tailPeak: 30,
  matches: 0,
  polls: 0,
  adopted: 0.9,
  dropped: { p50: 700, p99: 1800 },
  longestMs: 1500,
  tooLong: 0,
  reads: 10,
  hits: 5,
  failures: 0,
  reanchors: 0,
  seconds: 7,
}
const row = (name: string, plan: Partial<Plan>, seen: Partial<Seen> = {}): Row => ({
  name,
  plan: { ...PLAN, ...plan },
  seen: { ...SEEN, ...seen },
})
const ROWS: readonly Row[] = [
  row('1,000 isolates, 1 s', { way: 'direct', isolates: 1000, refreshAfterMs: 1000 }),
  row('1,000 isolates', { way: 'tail', isolates: 1000, tails: 9 }, { origin: 45, tail: 800 }),
  row('10,000 isolates', { isolates: 10_000, tails: 9 }, { origin: 54, tail: 900 }),
  row('10,000 isolates', { way: 'gateway', isolates: 10_000, tails: 1 }, { origin: 990, tail: 990 }),
  row('three busy colos', { isolates: 9000, colos: 3, tails: 1 }, { origin: 5, tail: 60 }),
  row('three busy colos', { way: 'gateway', isolates: 9000, colos: 3 }, { origin: 70, tail: 70 }),
]

describe('a bill', () => {
  const bills = billsOf(ROWS)
  const of = (isolates: number, way: Plan['way']) =>
    bills.find((bill) => bill.isolates === isolates && bill.way === way)!

  it('follows from what was measured, by the number of tails that the questions need', () => {
    expect(of(10_000, 'direct')).toMatchObject({ origin: 10_000, questions: 0, tails: 0, requests: 0 })
    expect(of(10_000, 'tail')).toMatchObject({ origin: 100, questions: 8000, tails: 20 })
    // Fewer than the regions there cannot be.
    expect(of(10_000, 'store')).toMatchObject({ origin: 54, questions: 900, tails: 9 })
    expect(of(990_000, 'store')).toMatchObject({ origin: 85, questions: 6600, tails: 17 })
    // The gateway is asked itself: no Durable Object is billed.
    expect(of(10_000, 'gateway')).toMatchObject({ origin: 990, tails: 0, requests: 0, objects: 0 })
    expect(of(990_000, 'gateway')).toMatchObject({ origin: 7700, tails: 0 })
  })

  it('is of a month’s requests, tails and machines', () => {
    const { requests, objects, gateways } = of(10_000, 'store')
    expect(requests).toBeCloseTo(900 * 2.592 * PRICES.objectRequests)
    expect(objects).toBeCloseTo(9 * 0.128 * 2.592 * PRICES.objectMemory)
    expect(gateways).toBeCloseTo(720 * PRICES.machineHour)
    expect(totalOf(of(10_000, 'store'))).toBeCloseTo(requests + objects + gateways)
    expect(of(10_000, 'direct').gateways).toBeCloseTo(5 * 720 * PRICES.machineHour)
  })

  it('is none where a row is missing that it follows from', () => {
    expect(billsOf(ROWS.slice(1))).toEqual([])
  })

  it('has a picture for light and dark ground, with a bar each', () => {
    const picture = pictureOf(bills)
    expect(picture.match(/<rect /g)).toHaveLength(8)
    expect(picture).toContain('prefers-color-scheme:dark')
    expect(picture).toMatch(/990,000 isolates, tails and stores: \$\d/)
    expect(picture).not.toContain('NaN')
  })
})

describe('targets', () => {
  it('are judged by the rows that they are of', () => {
    const rows = [
      row('a colo of 20', {}, { tail: 3, origin: 7.5 }),
      row('busy', { requests: 4 }, { origin: 5, dropped: { p50: 700, p99: 1950 } }),
      row('restart, calm', {}, { origin: 5, tailPeak: 10 }),
      row('restart', {}, { origin: 50, tailPeak: 25 }),
    ]
    const cost = { name: 'CPU', most: 0.3, got: 0.3, unit: 'ms' as const }
    const judged = judge(rows, [cost]).map((target) => [target.name, target.got, isMet(target)])
    expect(judged).toEqual([
      ['origin requests / s, a tail', 7.5, true],
      ['tail requests / s of a colo of 20', 3, true],
      ['evicted until dropped, p50', 700, true],
      ['evicted until dropped, p99', 1950, false],
      ['served past `maxStaleness`, of 40 reads', 0, true],
      ['busiest second of a tail that is replaced, beside calm', 2.5, false],
      ['CPU', 0.3, true],
    ])
  })

  it('are none for what was not measured', () => {
    expect(judge([], [])).toEqual([])
  })
})

describe('the report', () => {
  const results = {
    machine: 'a machine',
    seed: 3,
    rows: ROWS,
    workers: [],
    bills: billsOf(ROWS),
    targets: judge(ROWS, []),
  }

  it('shows rows, bills and targets as tables', () => {
    const text = tailReport(results)
    expect(text).toContain('a machine; seed 3.')
    expect(text).toMatch(/\| 9,000 \/ 3 \/ 1, 3 requests \/ s each +\| +tails and stores \|/)
    expect(text).toMatch(/\| 1,000 \/ 2 \/ 0, 3 requests \/ s each, `refreshAfter` 1000 ms \|/)
    expect(text).toContain('### A month')
    expect(text).toContain('### Targets')
  })

  it('takes the place between the marks of a page, and no other', () => {
    const page = 'before\n<!-- bench:tail -->\nold\n<!-- end of bench:tail -->\nafter\n'
    expect(placed(page, 'new', 'page.md')).toBe(
      'before\n<!-- bench:tail -->\n\nnew\n\n<!-- end of bench:tail -->\nafter\n',
    )
    expect(() => placed('no marks', 'new', 'page.md')).toThrow('page.md has no place')
  })
})

describe('the options', () => {
  it('have a seed of their own', () => {
    expect(readTailOptions([])).toMatchObject({ seed: 1, quick: false, write: false, only: undefined })
    expect(readTailOptions(['--seed', '9', '--only', 'busy'])).toMatchObject({ seed: 9, only: 'busy' })
  })

  it.for([
    [['--seed', 'x'], '`--seed` must be a whole number from 0 to 4294967295'],
    [['--write', '--quick'], '`--write` needs a whole run'],
    [['--fast'], 'fast'],
  ] as const)('refuse %j', ([args, says]) => {
    expect(() => readTailOptions(args)).toThrow(says)
  })
})
