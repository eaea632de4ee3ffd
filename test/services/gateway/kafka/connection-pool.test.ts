import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConnectionPool } from '../../../../services/gateway/kafka/connection-pool.ts'
import type { Address, KafkaSettings } from '../../../../services/gateway/kafka/options.ts'

const BROKER: Address = { host: 'broker.invalid', port: 9092 }

/** A pool whose connections for long polls are all borrowed. No connection is ever made. */
function exhausted() {
  const pool = new ConnectionPool({ sessionTimeoutMs: 9000 } as KafkaSettings)
  const borrowed = []
  for (let link = pool.borrow(BROKER); link; link = pool.borrow(BROKER)) borrowed.push(link)
  return { pool, borrowed }
}

/** What came of each wait so far. */
function watch(...waits: readonly Promise<void>[]): unknown[] {
  const outcomes: unknown[] = waits.map(() => 'waits')
  for (const [at, wait] of waits.entries())
    wait.then(
      () => (outcomes[at] = 'its turn'),
      (reason: unknown) => (outcomes[at] = reason),
    )
  return outcomes
}

describe('waiting for a connection', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('ends for as many as connections are given back, in the order in which they came', async () => {
    const { pool, borrowed } = exhausted()
    const outcomes = watch(...[1, 2, 3].map(() => pool.turn(1000, undefined)))
    pool.giveBack(borrowed.pop()!)
    pool.giveBack(borrowed.pop()!)
    await vi.advanceTimersByTimeAsync(0)

    expect(outcomes).toEqual(['its turn', 'its turn', 'waits'])
  })

  it('ends with its time, or with its signal, and then leaves the next turn to others', async () => {
    const { pool, borrowed } = exhausted()
    const stop = new AbortController()
    const outcomes = watch(
      pool.turn(100, undefined),
      pool.turn(1000, stop.signal),
      pool.turn(1000, undefined),
    )
    await vi.advanceTimersByTimeAsync(100)
    expect(outcomes).toEqual(['its turn', 'waits', 'waits'])
    stop.abort('gone')
    await vi.advanceTimersByTimeAsync(0)
    expect(outcomes).toEqual(['its turn', 'gone', 'waits'])
    pool.giveBack(borrowed.pop()!)
    await vi.advanceTimersByTimeAsync(0)

    expect(outcomes).toEqual(['its turn', 'gone', 'its turn'])
    expect(vi.getTimerCount()).toBe(0)
  })
})
