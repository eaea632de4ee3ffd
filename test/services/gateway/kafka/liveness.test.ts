import { describe, expect, it } from 'vitest'
import { Liveness } from '../../../../services/gateway/kafka/liveness.ts'

describe('How long a broker has been seen to run', () => {
  let now = { monotonic: 0, wall: 0 }
  const pass = (monotonic: number, wall = monotonic) => {
    now = { monotonic: now.monotonic + monotonic, wall: now.wall + wall }
  }
  const begin = () => {
    now = { monotonic: 1000, wall: 1_000_000 }
    return new Liveness(3000, () => now)
  }
  /** A question, its answer after `ms`. */
  const ask = (liveness: Liveness, ms: number, broker = 'a:1') => {
    const asked = liveness.now()
    pass(ms)
    liveness.answered(broker, asked)
    return liveness.since(broker)
  }

  it('begins with the first answer', () => {
    const liveness = begin()
    expect(liveness.since('a:1')).toBe(Infinity)
    expect(ask(liveness, 5)).toBe(1005)
    expect(liveness.since('b:1')).toBe(Infinity)
  })

  it('goes on while no two answers leave room for a silence', () => {
    const liveness = begin()
    ask(liveness, 5)
    for (let n = 0; n < 20; n++) {
      pass(900)
      expect(ask(liveness, 1000)).toBe(1005)
    }
  })

  it('restarts with the answer that ends a silence, however quick that answer was', () => {
    const liveness = begin()
    ask(liveness, 5)
    pass(3000)
    expect(ask(liveness, 1)).toBe(1005 + 3001)
  })

  it('is counted from question to answer: the broker may have stood still right after the earlier question', () => {
    const liveness = begin()
    ask(liveness, 5)
    expect(ask(liveness, 1600)).toBe(1005)
    expect(ask(liveness, 1400)).toBe(1005 + 3000)
  })

  it('restarts with an answer that itself took long, and those that come with it change nothing', () => {
    const liveness = begin()
    ask(liveness, 5)
    const [early, late] = [liveness.now(), { monotonic: now.monotonic + 19_990, wall: now.wall + 19_990 }]
    pass(20_000)
    liveness.answered('a:1', late)
    const since = liveness.since('a:1')
    expect(since).toBe(1005 + 20_000)
    pass(1)
    liveness.answered('a:1', early)
    expect(liveness.since('a:1')).toBe(since)
    pass(2000)
    expect(ask(liveness, 1)).toBe(since)
  })

  it.each([
    ['the monotonic clock stood still', 0.5, 10_000],
    ['the wall clock was set back', 10_000, -50],
  ])('restarts when %s while all were suspended', (_, monotonic, wall) => {
    const liveness = begin()
    ask(liveness, 5)
    pass(monotonic, wall)
    expect(ask(liveness, 1)).toBe(now.monotonic)
  })

  it('is kept for each broker by itself', () => {
    const liveness = begin()
    ask(liveness, 1, 'a:1')
    pass(2000)
    ask(liveness, 1, 'b:1')
    pass(2000)
    expect(ask(liveness, 1, 'b:1')).toBe(3002)
    expect(ask(liveness, 1, 'a:1')).toBe(now.monotonic)
  })
})
