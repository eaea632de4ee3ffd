/** The economy of origins: passes what is shared, and fails what grows with the number of isolates. On traces made by hand. */
import { describe, expect, it } from 'vitest'
import type { TailPlan } from '../scenario.ts'
import { originEconomy } from './origin-economy.ts'
import { TraceBuilder } from './trace-builder.ts'

const TAIL: TailPlan = { colos: 1, tails: 1, store: false, small: false, clock: 'own', refreshPart: 0.5 }

function traceOf(story: (trace: TraceBuilder) => void, tail: TailPlan | 'none' = TAIL) {
  const builder = new TraceBuilder({ maxStalenessMs: 2000, latencyMs: 5, ...(tail !== 'none' && { tail }) })
  story(builder)
  return originEconomy.check(builder.trace)
}

const upstream = (trace: TraceBuilder, by: 'tail' | 'isolate' = 'tail') =>
  trace.tell({ type: 'upstream', by, which: 0, operation: 'offsets' })

let calls = 0
const asks = (trace: TraceBuilder, isolate: number, maxAgeMs: number) =>
  trace.tell({
    type: 'asked',
    call: ++calls,
    isolate,
    operation: 'offsets',
    topic: 'cache-evictions',
    ...(maxAgeMs > 0 && { maxAgeMs }),
  })

/** Isolates ask all the time, each twice a second; the tail asks Kafka so many times a second. */
const shared =
  (isolates: number, perSecond: number, allowed = 600) =>
  (trace: TraceBuilder): void => {
    const all = Array.from({ length: isolates }, () => trace.isolate())
    for (let ms = 0; ms < 20_000; ms += 10) {
      trace.at(ms)
      if (ms % 500 === 0) for (const isolate of all) asks(trace, isolate, allowed)
      if (ms % (10 * Math.round(100 / perSecond)) === 0) upstream(trace)
    }
    trace.tell({ type: 'end', openReads: [], openWrites: [] })
  }

describe(`I18: ${originEconomy.promise}`, () => {
  it.each<[string, (trace: TraceBuilder) => void]>([
    ['five requests a second, for one isolate', shared(1, 5)],
    ['as many for fifty', shared(50, 5)],
    ['more where isolates need samples of their own', shared(10, 20, 0)],
    [
      'a read for each eviction',
      (trace) => {
        const isolate = trace.isolate()
        for (let ms = 0; ms < 20_000; ms += 50) {
          trace.at(ms).append({ v: 1, op: 'evict', ns: 'rows', keys: ['a'] })
          if (ms % 500 === 0) asks(trace, isolate, 600)
          upstream(trace)
        }
        trace.tell({ type: 'end', openReads: [], openWrites: [] })
      },
    ],
    [
      'any number while a fault is at work',
      (trace) => {
        trace.fault('answer_lost', { forMs: 20_000 })
        shared(4, 50)(trace)
      },
    ],
  ])('passes %s', (_, story) => {
    expect(traceOf(story).violations).toEqual([])
  })

  it('looks at every window and every request of a tail', () => {
    expect(traceOf(shared(4, 5)).looked).toBeGreaterThan(60)
    expect(traceOf(shared(4, 5), { ...TAIL, store: true, refreshPart: 0.9 }).looked).toBeGreaterThan(0)
  })

  it.each<[string, (trace: TraceBuilder) => void]>([
    ['ten requests a second', shared(4, 10)],
    [
      'requests that no isolate has asked for',
      (trace) => {
        const isolate = trace.isolate()
        asks(trace.at(100), isolate, 600)
        upstream(trace.at(9000))
        trace.at(9100).tell({ type: 'end', openReads: [], openWrites: [] })
      },
    ],
    [
      'an isolate that asks Kafka itself, also while a fault is at work',
      (trace) => {
        trace.fault('tail_overloaded', { forMs: 20_000 })
        upstream(trace.at(100), 'isolate')
      },
    ],
  ])('fails %s', (_, story) => {
    const { violations } = traceOf(story)
    expect(violations.length).toBeGreaterThan(0)
    for (const { invariant } of violations) expect(invariant).toBe('I18')
  })

  it('says nothing of isolates that have no tail', () => {
    expect(traceOf((trace) => void upstream(trace, 'isolate'), 'none')).toMatchObject({ violations: [] })
  })
})
