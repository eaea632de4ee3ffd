import { performance } from 'node:perf_hooks'
import { describe, expect, it, vi } from 'vitest'
import { ProducerIds } from '../../../../services/gateway/kafka/producer-ids.ts'

/** Until all that has begun has gone on as far as it can. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('Ids of writers that are asked for ahead', () => {
  it('are each another, and asked for again when some are gone', async () => {
    const ids = new ProducerIds()
    let next = 0n
    const ask = vi.fn(async () => ({ id: next++, epoch: 0 }))
    expect(ids.take()).toBeUndefined()
    ids.fill(ask)
    ids.fill(ask)
    await settled()
    expect(ask).toHaveBeenCalledTimes(8)
    ids.fill(ask)
    await settled()
    expect(ask).toHaveBeenCalledTimes(8)
    const taken = Array.from({ length: 8 }, () => ids.take()?.id)
    expect(new Set(taken).size).toBe(8)
    expect(ids.take()).toBeUndefined()
    ids.fill(ask)
    await settled()
    expect(taken).not.toContain(ids.take()?.id)
  })

  it('are not asked for again at once where there are none', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000)
    const ids = new ProducerIds()
    const ask = vi.fn(() => Promise.reject(new Error('none')))
    ids.fill(ask)
    await settled()
    now.mockReturnValue(5900)
    ids.fill(ask)
    await settled()
    expect(ask).toHaveBeenCalledTimes(1)
    now.mockReturnValue(6000)
    ids.fill(ask)
    await settled()
    expect(ask).toHaveBeenCalledTimes(2)
  })
})
