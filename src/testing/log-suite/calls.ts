/** Waiting, aborting, and what does not exist. @module */
import { isKedgeError } from '../../ports/errors.ts'
import { type Test, A_LONG_TIME, AT_ONCE, byPartition, record, rejection, text } from './bench.ts'

export function longPolls(test: Test): void {
  test('a long poll answers when a record arrives', async ({ log, topic, expect, from }) => {
    const name = await topic(1)
    const waiting = from(name, 0, { waitMs: A_LONG_TIME })
    await log.offsets(name)
    await log.produce(name, [record('a', '1', 0)])
    expect((await waiting).records.map(text)).toEqual(['a=1'])
  })

  test('a long poll over partitions answers when one of them has a record', async ({
    log,
    topic,
    expect,
  }) => {
    const name = await topic(2)
    const positions = [0, 1].map((partition) => ({ partition, offset: 0 }))
    const waiting = log.read(name, positions, { ...AT_ONCE, waitMs: A_LONG_TIME })
    await log.offsets(name)
    await log.produce(name, [record('a', '1', 1)])
    const { records, next } = await waiting
    expect(records.map(text)).toEqual(['a=1'])
    expect(byPartition(next)).toEqual([0, 1])
  })

  test('a long poll answers at once when there is something', async ({ log, topic, expect, from }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0)])
    expect((await from(name, 0, { waitMs: A_LONG_TIME })).records.map(text)).toEqual(['a=1'])
  })

  test('a long poll that waits in vain answers with nothing', async ({ topic, expect, from }) => {
    const { records, next } = await from(await topic(1), 0, { waitMs: 20 })
    expect(records).toEqual([])
    expect(next).toEqual([{ partition: 0, offset: 0 }])
  })

  test('a long poll that is aborted rejects with the reason itself', async ({ log, topic, expect, from }) => {
    const name = await topic(1)
    const controller = new AbortController()
    const reason = new Error('enough')
    const waiting = rejection(from(name, 0, { waitMs: A_LONG_TIME, signal: controller.signal }))
    await log.offsets(name)
    controller.abort(reason)
    expect(await waiting).toBe(reason)
    // Nothing was taken by the poll that ended.
    await log.produce(name, [record('a', '1', 0)])
    expect((await from(name, 0)).records.map(text)).toEqual(['a=1'])
  })
}

export function identity(test: Test): void {
  test('the identity of a log stays while it lives', async ({ log, topic, expect }) => {
    const name = await topic(1)
    const [before] = await log.offsets(name)
    await log.produce(name, [record('a', '1', 0)])
    const [after] = await log.offsets(name)
    expect(typeof before?.logId).toBe('string')
    expect(after?.logId).toBe(before?.logId)
  })

  test('a topic made anew has another identity', async ({ log, topic, recreate, expect }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0)])
    const [before] = await log.offsets(name)
    await recreate?.(name)
    const [after] = await log.offsets(name)
    expect(typeof after?.logId).toBe('string')
    expect(after?.logId === before?.logId).toBe(false)
    expect(after?.end).toBe(0)
  })
}

export function aborts(test: Test): void {
  test('a call whose signal has ended rejects with the reason and does nothing', async ({
    log,
    topic,
    expect,
    from,
  }) => {
    const name = await topic(1)
    const reason = { any: 'value' }
    const signal = AbortSignal.abort(reason)
    expect(await rejection(log.produce(name, [record('a', '1', 0)], { signal }))).toBe(reason)
    expect(await rejection(log.offsets(name, { signal }))).toBe(reason)
    expect(await rejection(from(name, 0, { signal }))).toBe(reason)
    expect((await log.offsets(name)).map(({ end }) => end)).toEqual([0])
  })

  test('after an aborted read the next one begins where it says', async ({
    log,
    topic,
    expect,
    from,
    upTo,
  }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0)])
    await upTo(name, 0, 1)
    await log.produce(name, [record('b', '2', 0)])
    const controller = new AbortController()
    const aborted = from(name, 1, { signal: controller.signal }).then(
      () => undefined,
      () => undefined,
    )
    controller.abort()
    await aborted
    expect((await upTo(name, 0, 2)).map(text)).toEqual(['a=1', 'b=2'])
    expect((await upTo(name, 1, 2)).map(text)).toEqual(['b=2'])
  })
}

/** Where a proxy does not tell whether a record can be in the log, the error is `ERR_PUBLISH`. */
const refusal = (error: unknown): boolean =>
  isKedgeError(error) && (error.code === 'ERR_UNKNOWN_TOPIC' || error.code === 'ERR_PUBLISH')

export function absence(test: Test): void {
  test('a call on a topic that does not exist rejects with its code', async ({
    log,
    topic,
    expect,
    from,
  }) => {
    await topic(1)
    const absent = 'kedge-suite-absent'
    expect(await rejection(log.offsets(absent))).toMatchObject({
      code: 'ERR_UNKNOWN_TOPIC',
      retryable: false,
    })
    expect(await rejection(from(absent, 0))).toMatchObject({ code: 'ERR_UNKNOWN_TOPIC', retryable: false })
    expect(refusal(await rejection(log.produce(absent, [record('a', '1', 0)])))).toBe(true)
  })

  test('a call on a partition that does not exist rejects with its code', async ({ log, topic, expect }) => {
    const name = await topic(1)
    const missing = await rejection(log.offsets(name, { partitions: [5] }))
    expect(missing).toMatchObject({ code: 'ERR_UNKNOWN_TOPIC' })
    const unread = await rejection(log.read(name, [{ partition: 5, offset: 0 }], AT_ONCE))
    expect(unread).toMatchObject({ code: 'ERR_UNKNOWN_TOPIC' })
    expect(refusal(await rejection(log.produce(name, [record('a', '1', 5)])))).toBe(true)
  })
}
