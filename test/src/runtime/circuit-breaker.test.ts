import { describe, expect, it } from 'vitest'
import { CircuitBreaker } from '../../../src/runtime/circuit-breaker.ts'

const LIMITS = { failures: 3, pauseMs: 100, maxPauseMs: 350, leaseMs: 1000 }

function breaker(random = 1) {
  const states: string[] = []
  return {
    states,
    it: new CircuitBreaker(
      LIMITS,
      () => random,
      (state) => states.push(state),
    ),
  }
}

/** Fails as often as it takes to open it. */
function opened(at = 0, random = 1) {
  const made = breaker(random)
  for (let failure = 0; failure < LIMITS.failures; failure++) made.it.failed(made.it.enter(at)!, at)
  return made
}

describe('a breaker', () => {
  it('opens after failures in a row, and a success between them starts the count again', () => {
    const { it: closed, states } = breaker()
    for (let round = 0; round < 5; round++) {
      closed.failed(closed.enter(0)!, 0)
      closed.failed(closed.enter(0)!, 0)
      closed.succeeded(closed.enter(0)!)
    }
    expect(states).toEqual([])
    for (let failure = 0; failure < 3; failure++) closed.failed(closed.enter(0)!, 0)
    expect(states).toEqual(['open'])
    expect(closed.enter(99)).toBeUndefined()
  })

  it('lets one call through after its pause, and closes when that succeeds', () => {
    const { it: open, states } = opened()
    const permit = open.enter(100)!
    expect(open.state).toBe('half-open')
    expect(open.enter(100)).toBeUndefined()
    open.succeeded(permit)
    expect(states).toEqual(['open', 'half-open', 'closed'])
    expect(open.enter(100)).toBeDefined()
  })

  it('pauses twice as long each time that the try fails, up to the bound, and from the start after a success', () => {
    const { it: open } = opened()
    let now = 0
    for (const pauseMs of [100, 200, 350, 350]) {
      expect(open.enter(now + pauseMs - 1)).toBeUndefined()
      now += pauseMs
      open.failed(open.enter(now)!, now)
    }
    open.succeeded(open.enter(now + 350)!)
    for (let failure = 0; failure < 3; failure++) open.failed(open.enter(now)!, now)
    expect(open.enter(now + 100)).toBeDefined()
  })

  it('ignores the outcome of calls that began before it opened', () => {
    const { it: closed, states } = breaker()
    const old = [closed.enter(0)!, closed.enter(0)!]
    for (let failure = 0; failure < 3; failure++) closed.failed(closed.enter(0)!, 0)
    closed.succeeded(old[0]!)
    expect(states).toEqual(['open'])
    const permit = closed.enter(100)!
    closed.failed(old[1]!, 100)
    expect(closed.state).toBe('half-open')
    closed.succeeded(permit)
    expect(closed.state).toBe('closed')
  })

  it('lets another one try when the first has not come back', () => {
    const { it: open } = opened()
    const lost = open.enter(100)!
    expect(open.enter(1099)).toBeUndefined()
    const permit = open.enter(1100)!
    open.failed(lost, 1100)
    expect(open.state).toBe('half-open')
    open.succeeded(permit)
    expect(open.state).toBe('closed')
  })

  it('shortens its pause by chance, so that isolates do not come back together', () => {
    const { it: open } = opened(0, 0)
    expect(open.enter(49)).toBeUndefined()
    expect(open.enter(50)).toBeDefined()
  })
})
