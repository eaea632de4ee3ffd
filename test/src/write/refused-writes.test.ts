/** Writes that the log refuses: certain not to be in it, unless an earlier attempt, or a part of them, may be. */
import { describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import type { KedgeErrorCode } from '../../../src/index.ts'
import { memory } from '../../../src/testing/index.ts'
import { writeBehind, writeIntents, writeThrough } from '../../../src/write-paths/index.ts'
import { rejection } from '../../adapters/kafka/scripted-fetch.ts'
import { readyIn, world } from '../world.ts'

const CODES: readonly KedgeErrorCode[] = ['ERR_AUTH', 'ERR_TOO_LARGE', 'ERR_UNKNOWN_TOPIC', 'ERR_UNSUPPORTED']

/** A cache whose writes fail with these errors, one after the other, and then succeed. */
async function bench(...errors: KedgeError[]) {
  const at = world()
  const inner = memory({ on: at.log, runtime: at.runtime })
  let produced = 0
  const kafka = {
    ...inner,
    produce: (...args: Parameters<typeof inner.produce>) =>
      errors[produced++] === undefined ? inner.produce(...args) : Promise.reject(errors[produced - 1]!),
  }
  const { cache, events } = await readyIn(at, { kafka, use: [writeIntents()] })
  return { at, users: cache.namespace<string>('users'), events, produced: () => produced }
}

describe('a write that the log refuses', () => {
  it.each(CODES)('rejects with %s, is not repeated, and is an event', async (code) => {
    const refused = new KedgeError(code, 'Kafka refuses it')
    const { at, users, events, produced } = await bench(refused)
    expect(await at.run(rejection(users.delete('1')))).toBe(refused)
    expect(produced()).toBe(1)
    expect(events).toContainEqual({
      type: 'publish_failed',
      topic: 'cache-evictions',
      error: refused,
      durationMs: 0,
    })
  })

  it('stores nothing where that is the intent', async () => {
    const { at, users } = await bench(new KedgeError('ERR_AUTH', 'no'))
    let stored = 0
    const write = writeThrough(users, '1', 'Ada', () => void stored++)
    expect(await at.run(rejection(write))).toMatchObject({ code: 'ERR_AUTH', retryable: false })
    expect(stored).toBe(0)
  })

  it('may be in the log where an attempt before was not refused', async () => {
    const lost = new KedgeError('ERR_NETWORK', 'reset', { retryable: true })
    const { at, users, produced } = await bench(lost, new KedgeError('ERR_AUTH', 'no'))
    const error = await at.run(rejection(users.delete('1')))
    expect(error).toMatchObject({ code: 'ERR_PUBLISH', retryable: false })
    expect(produced()).toBe(2)
  })

  it('may be in the log where a call before took a part of it', async () => {
    const { at, users } = await bench(undefined as never, new KedgeError('ERR_AUTH', 'no'))
    const keys = Array.from({ length: 150 }, (_, n) => `${n}`)
    // Two records each, but the first: the call of a hundred records ends in the midst of a write.
    const many = [users.delete('0'), ...Array.from({ length: 60 }, () => users.delete(keys))]
    const outcomes = await at.run(Promise.allSettled(many))
    const codes = outcomes.map((each) =>
      each.status === 'rejected' ? (each.reason as KedgeError).code : 'ok',
    )
    expect(new Set(codes)).toEqual(new Set(['ok', 'ERR_PUBLISH', 'ERR_AUTH']))
    // One write has a record in either call.
    expect(codes.filter((code) => code === 'ERR_PUBLISH')).toHaveLength(1)
  })

  it('is repeated where it was only asked to wait, a write behind, too', async () => {
    const { at, users, produced } = await bench(
      new KedgeError('ERR_RATE_LIMITED', 'wait', { retryable: true }),
    )
    await at.run(writeBehind(users, '1', 'Ada'))
    expect(produced()).toBeGreaterThan(1)
  })
})
