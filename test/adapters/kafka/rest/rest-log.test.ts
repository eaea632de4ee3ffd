/** The frame of every log over REST, around a dialect that is not there. */
import { describe, expect, it } from 'vitest'
import { transportLimits } from '../../../../adapters/options.ts'
import type { Http } from '../../../../adapters/kafka/rest/http.ts'
import { AnswerTooLarge } from '../../../../adapters/kafka/rest/http.ts'
import { restLog, type RestLogOptions } from '../../../../adapters/kafka/rest/rest-log.ts'
import { KedgeError } from '../../../../src/ports/errors.ts'

const READ = { maxBytes: 1_000_000, waitMs: 0, isolation: 'uncommitted' } as const
const AT = [{ partition: 0, offset: 0 }]
const RECORD = { key: null, value: null }
const to = (name: string) => ({ name }) as unknown as Http

const never = () => new Promise<never>(() => undefined)
const log = (own: Partial<RestLogOptions>) =>
  restLog({
    limits: transportLimits({ requestTimeout: 20, maxResponseBytes: 4096 }),
    http: to('reads'),
    capabilities: { identity: false, longPoll: false, readCommitted: false },
    append: () => expect.unreachable(),
    bounds: () => expect.unreachable(),
    fetch: () => expect.unreachable(),
    ...own,
  })

describe('restLog()', () => {
  it('asks nothing where there is nothing to append or to read', async () => {
    expect(await log({}).produce('t', [])).toEqual([])
    expect(await log({}).read('t', [], READ)).toEqual({ records: [], next: [], outOfRange: [] })
  })

  it('appends nothing for a caller who has given up', async () => {
    const signal = AbortSignal.abort('gone')
    await expect(log({}).produce('t', [RECORD], { signal })).rejects.toBe('gone')
    await expect(log({}).produce('t', [], { signal })).rejects.toBe('gone')
  })

  it.each(['ERR_AUTH', 'ERR_RATE_LIMITED', 'ERR_TOO_LARGE', 'ERR_UNKNOWN_TOPIC', 'ERR_UNSUPPORTED'] as const)(
    'rejects a write that was refused with %s with that error',
    async (code) => {
      const refused = new KedgeError(code, 'no')
      await expect(log({ append: () => Promise.reject(refused) }).produce('t', [RECORD])).rejects.toBe(
        refused,
      )
    },
  )

  it('does not take an acknowledgement that is too large to be read for a refusal', async () => {
    const large = new AnswerTooLarge('ERR_TOO_LARGE', 'an answer is larger')
    await expect(log({ append: () => Promise.reject(large) }).produce('t', [RECORD])).rejects.toMatchObject({
      code: 'ERR_PUBLISH',
      cause: large,
    })
  })

  it('says of every other failure to append that nothing was acknowledged, and lets an abort through', async () => {
    const cause = new KedgeError('ERR_HTTP', 'slow down', { retryable: true, retryAfterMs: 7 })
    const failing = log({ append: () => Promise.reject(cause) })
    await expect(failing.produce('t', [RECORD])).rejects.toMatchObject({
      code: 'ERR_PUBLISH',
      retryable: true,
      retryAfterMs: 7,
      cause,
    })
    const stop = new AbortController()
    const call = log({ append: never }).produce('t', [RECORD], { signal: stop.signal })
    stop.abort('gone')
    await expect(call).rejects.toBe('gone')
  })

  it('ends each call at its deadline, which a long poll moves', async () => {
    const late = { code: 'ERR_TIMEOUT', retryable: true }
    const silent = { append: never, bounds: never, fetch: never }
    await expect(log(silent).produce('t', [RECORD])).rejects.toMatchObject({ cause: late })
    await expect(log(silent).offsets('t')).rejects.toMatchObject(late)
    const waiting = { ...READ, waitMs: 30 }
    await expect(log(silent).read('t', AT, waiting)).rejects.toThrow('within 20 ms')
    const capabilities = { identity: false, longPoll: true, readCommitted: false }
    await expect(log({ ...silent, capabilities }).read('t', AT, waiting)).rejects.toThrow('within 50 ms')
  })

  it('asks for no more than an answer may have, and once more for less where that was too large', async () => {
    const asked: number[] = []
    const fetch: RestLogOptions['fetch'] = (_call, _topic, _positions, { maxBytes }) => {
      asked.push(maxBytes)
      return Promise.reject(new KedgeError('ERR_TOO_LARGE', 'too large'))
    }
    await expect(log({ fetch }).read('t', AT, READ)).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' })
    expect(asked).toEqual([2048, 128])
    await expect(log({ fetch, bounded: false }).read('t', AT, READ)).rejects.toThrow('too large')
    expect(asked).toEqual([2048, 128, 1_000_000])
  })

  it('appends to one proxy and reads from another one where both are given', async () => {
    const places: unknown[] = []
    const answer = async (http: Http) => {
      places.push(http)
      return []
    }
    const both = log({
      producer: to('writes'),
      append: ({ http }) => answer(http),
      bounds: ({ http }) => answer(http),
    })
    await both.produce('t', [RECORD])
    await both.offsets('t')
    expect(places).toEqual([to('writes'), to('reads')])
  })
})
