import { describe, expect, it } from 'vitest'
import { durationMs, lifetimeMs, MAX_DURATION_MS } from '../../../src/runtime/duration.ts'
import type { Duration } from '../../../src/runtime/duration.ts'

describe('a duration', () => {
  it.each<[Duration, number]>([
    [0, 0],
    [250, 250],
    ['0s', 0],
    ['500ms', 500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1.5s', 1500],
  ])('of %j is %i milliseconds', (duration, ms) => {
    expect(durationMs(duration, 'ttl')).toBe(ms)
  })

  it('is rounded up to a whole millisecond, so that a short one is not none', () => {
    expect(durationMs(0.2, 'ttl')).toBe(1)
    expect(durationMs('0.5ms', 'ttl')).toBe(1)
  })

  it('is at most what timers of every platform hold', () => {
    expect(durationMs('365d', 'ttl')).toBe(MAX_DURATION_MS)
    expect(durationMs(Number.MAX_VALUE, 'ttl')).toBe(2_147_483_647)
  })

  it.each([
    ['5'],
    ['5 m'],
    ['m'],
    [''],
    ['-5s'],
    ['5M'],
    ['1e3ms'],
    ['.5s'],
    ['5s '],
    ['five minutes'],
    [`${'9'.repeat(400)}d`],
    [-1],
    [Number.NaN],
    [Infinity],
    [-Infinity],
    [undefined],
    [null],
    [true],
    [{}],
  ])('of %j is a TypeError that quotes the option', (duration) => {
    const reading = () => durationMs(duration as Duration, 'maxStaleness')

    expect(reading).toThrow(TypeError)
    expect(reading).toThrow('`maxStaleness`')
  })
})

describe('a lifetime', () => {
  it.each([
    [0, 0],
    [0.25, 0.25],
    ['90d', 7_776_000_000],
    ['1.5s', 1500],
    [Number.MAX_VALUE, Number.MAX_VALUE],
  ])('of %j is %d milliseconds, also where no timer is as long', (life, ms) => {
    expect(lifetimeMs(life)).toBe(ms)
  })

  it.each([
    ['5'],
    ['5 m'],
    [''],
    ['-5s'],
    [`${'9'.repeat(16)}d`],
    [-1],
    [Number.NaN],
    [Infinity],
    [null],
    [{}],
  ])('is not %j', (life) => expect(lifetimeMs(life)).toBeUndefined())
})
