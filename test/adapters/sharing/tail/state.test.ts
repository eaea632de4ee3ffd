/** A tail: how many requests it makes of the log, for whom, and what it tells. */
import { beforeEach, describe, expect, it } from 'vitest'
import { TailState } from '../../../../adapters/sharing/tail/state.ts'
import type { ProofQuestion, TailStateOptions } from '../../../../adapters/sharing/tail/state.ts'
import { KedgeError } from '../../../../src/index.ts'
import { encodeUtf8 } from '../../../../src/wire/codec.ts'
import { fakeRuntime, memory, MemoryLog } from '../../../../src/testing/index.ts'
import type { FakeRuntime, MemoryOptions } from '../../../../src/testing/index.ts'

let runtime: FakeRuntime
let on: MemoryLog
beforeEach(() => {
  runtime = fakeRuntime()
  on = new MemoryLog({ autoCreate: false })
  on.createTopic('t', { partitions: 1 })
})

const LATENCY = 40
function tailOf(options: Partial<TailStateOptions> = {}, kafka: MemoryOptions = {}) {
  const log = memory({ on, runtime, latency: LATENCY, ...kafka })
  const state = new TailState({ log, runtime, ...options })
  const ask = async (question: Partial<ProofQuestion> = {}) => {
    const answer = state.proof({ topic: 't', partition: 0, maxAgeMs: 0, ...question })
    answer.catch(() => undefined)
    await runtime.advance(10 * LATENCY)
    return answer
  }
  return { state, log, ask }
}

const append = (count: number, text = 'x') => {
  for (let time = 0; time < count; time++)
    on.append('t', { key: null, value: encodeUtf8(`${text}${time}`), partition: 0 })
}

describe('the samples of a tail', () => {
  it('a hundred who ask at once cost two samples: the one under way, and the next', async () => {
    const { state, log } = tailOf()
    const answers = Array.from({ length: 100 }, () => state.proof({ topic: 't', partition: 0, maxAgeMs: 0 }))
    await runtime.advance(10 * LATENCY)
    await Promise.all(answers)
    expect(log.calls.offsets).toBe(2)
  })

  it('who allows no age gets a sample that began after the question arrived', async () => {
    const { state, ask } = tailOf()
    await ask()
    const before = state.stats().samples
    append(1)
    expect(await ask()).toMatchObject({ end: 1 })
    expect(state.stats().samples).toBe(before + 1)
  })

  it('who allows an age gets the last sample where that is no older', async () => {
    const { state, ask } = tailOf()
    await ask()
    const told = await state.proof({ topic: 't', partition: 0, maxAgeMs: 1000 })
    expect(state.stats().samples).toBe(1)
    expect(told.theirs! - told.at).toBeGreaterThanOrEqual(10 * LATENCY)
  })

  it('samples on while questions allow an age, and stops two seconds after the last', async () => {
    const { state, ask } = tailOf()
    await ask({ maxAgeMs: 500 })
    await runtime.advance(1000)
    // In 1.4 s: one, and the next 170 ms after it began.
    const warm = state.stats().samples
    expect(warm).toBeGreaterThanOrEqual(8)
    expect(warm).toBeLessThanOrEqual(9)
    await runtime.advance(2000)
    const over = state.stats().samples
    await runtime.advance(60_000)
    expect(state.stats().samples).toBe(over)
    expect(runtime.sleeping).toBe(0)
  })

  it('a sample that fails rejects the questions that waited for it, and no other', async () => {
    const log = memory({ on, runtime, latency: LATENCY })
    let fails = true
    const offsets: typeof log.offsets = async (topic, how) => {
      const bounds = await log.offsets(topic, how)
      if (fails) throw new KedgeError('ERR_NETWORK', 'gone', { retryable: true })
      return bounds
    }
    const { ask } = tailOf({ log: { ...log, offsets } })
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_NETWORK' })
    fails = false
    expect(await ask()).toMatchObject({ end: 0 })
  })
})

describe('what a tail tells', () => {
  it('the records from where the reader is, none without a position', async () => {
    append(5)
    const { ask } = tailOf()
    expect(await ask()).toMatchObject({ base: 5, next: 5, records: [] })
    const { records } = await ask({ from: 3 })
    expect(records.map(({ offset }) => offset)).toEqual([3, 4])
  })

  it('none to a reader who is too far behind, who must read them', async () => {
    append(400)
    const { ask } = tailOf()
    expect(await ask({ from: 100 })).toMatchObject({ base: 400, next: 400, records: [] })
    expect((await ask({ from: 150 })).records).toHaveLength(250)
  })

  it('to be handed on: the records of the last five seconds', async () => {
    const { ask } = tailOf()
    await ask()
    append(3)
    await ask()
    await runtime.advance(6000)
    append(2)
    expect(await ask({ held: true })).toMatchObject({ base: 3, next: 5 })
    expect(await ask({ held: true, from: 1 })).toMatchObject({ base: 1, next: 5 })
  })

  it('no more than fits: the newest of what is held, and at least the bounds', async () => {
    const { ask } = tailOf()
    await ask()
    append(40, 'x'.repeat(3000))
    const held = await ask({ held: true })
    expect(held.records.length).toBeGreaterThan(5)
    expect(held.records.length).toBeLessThan(15)
    append(500, 'x'.repeat(3000))
    const all = await ask({ from: 0 })
    expect(all.base).toBe(all.next)
  })

  it('nothing that retention has taken', async () => {
    const { ask } = tailOf()
    append(6)
    await ask()
    on.truncate('t', 0, 4)
    const { beginning, base, records } = await ask({ from: 0, held: true })
    expect({ beginning, base, offsets: records.map(({ offset }) => offset) }).toEqual({
      beginning: 4,
      base: 4,
      offsets: [4, 5],
    })
  })

  it('the records of a new log, and none of the one before', async () => {
    const { ask } = tailOf()
    append(3, 'old')
    const before = await ask({ from: 0 })
    on.recreateTopic('t')
    append(2, 'new')
    const after = await ask({ from: 0 })
    expect(after.logId).not.toBe(before.logId)
    expect(after.records.map(({ value }) => new TextDecoder().decode(value!))).toEqual(['new0', 'new1'])
  })

  it('refuses a partition that does not exist, and a topic', async () => {
    const { ask } = tailOf()
    await expect(ask({ partition: 3 })).rejects.toMatchObject({ code: 'ERR_UNKNOWN_TOPIC' })
    await expect(ask({ topic: 'none' })).rejects.toMatchObject({ code: 'ERR_UNKNOWN_TOPIC' })
  })

  it('refuses who comes when 256 wait, and says when to come again', async () => {
    const { state } = tailOf()
    const asked = Array.from({ length: 257 }, () => state.proof({ topic: 't', partition: 0, maxAgeMs: 0 }))
    await expect(asked[256]).rejects.toMatchObject({ code: 'ERR_RATE_LIMITED', retryAfterMs: 1000 })
    await runtime.advance(10 * LATENCY)
    expect(await Promise.all(asked.slice(0, 256))).toHaveLength(256)
    expect(state.stats().refused).toBe(1)
  })

  it('follows 64 partitions, and then those in the place of others that no client asks for', async () => {
    on.createTopic('wide', { partitions: 70 })
    const { state, ask } = tailOf()
    for (let partition = 0; partition < 64; partition++) await ask({ topic: 'wide', partition })
    expect(state.stats().places).toBe(64)
    await runtime.advance(2000)
    await ask({ topic: 'wide', partition: 65 })
    expect(state.stats().places).toBe(64)
    // Also where the clock shows less than at the last question.
    runtime.stepClocks(-3_600_000)
    expect(await ask({ topic: 'wide', partition: 66 })).toMatchObject({ end: 0 })
  })
})

describe('records that a proof does not have', () => {
  const records = (state: TailState, logId: string, offset: number, maxBytes = 1_000_000) =>
    state.records({ topic: 't', partition: 0, offset, maxBytes, logId })

  it('cost the log nothing where the tail has them, however many ask', async () => {
    append(300)
    const { state, log, ask } = tailOf()
    const { logId } = await ask()
    const before = { ...log.calls }
    for (let offset = 44; offset < 300; offset++)
      expect((await records(state, logId, offset))?.next).toEqual([{ partition: 0, offset: 300 }])
    expect(log.calls).toEqual(before)
  })

  it('are read from the log where they are older than the tail', async () => {
    append(300)
    const { state, log, ask } = tailOf()
    const { logId } = await ask()
    const before = log.calls.read
    const answer = records(state, logId, 10)
    await runtime.advance(10 * LATENCY)
    expect((await answer)?.records[0]).toMatchObject({ offset: 10 })
    expect(log.calls.read).toBe(before + 1)
  })

  it('come as far as they fit, at least one, and the position is after them', async () => {
    append(5, 'x'.repeat(300))
    const { state, ask } = tailOf()
    const { logId } = await ask()
    for (const [maxBytes, count] of [
      [1, 1],
      [1000, 2],
      [5000, 5],
    ] as const) {
      const told = await records(state, logId, 0, maxBytes)
      expect(told?.records.map(({ offset }) => offset)).toEqual(Array.from({ length: count }, (_, at) => at))
      expect(told?.next).toEqual([{ partition: 0, offset: count }])
    }
  })

  it('of a log that was made anew do not come from a read of the log before that is still under way', async () => {
    append(300, 'old')
    const log = memory({ on, runtime, latency: LATENCY })
    let isSlow = false
    const read: typeof log.read = async (...terms) => {
      const found = await log.read(...terms)
      if (isSlow) await runtime.sleep(1000)
      return found
    }
    const { state, ask } = tailOf({ log: { ...log, read } })
    const { logId } = await ask()
    isSlow = true
    const ofTheOld = records(state, logId, 10)
    await runtime.advance(2 * LATENCY)
    isSlow = false
    on.recreateTopic('t')
    append(300, 'new')
    const { logId: another } = await ask()
    const ofTheNew = records(state, another, 10)
    await runtime.advance(2000)
    expect(await ofTheOld).toBeUndefined()
    expect(new TextDecoder().decode((await ofTheNew)!.records[0]!.value!)).toBe('new10')
  })

  it('are none where the log is another one', async () => {
    append(3)
    const { state, ask } = tailOf()
    await ask()
    expect(await records(state, 'another', 0)).toBeUndefined()
  })
})

describe('the places of a tail', () => {
  it('are for topics that there are: names without one take none', async () => {
    const { state, ask } = tailOf()
    for (let at = 0; at < 64; at++) {
      const missing = state.proof({ topic: `missing-${at}`, partition: 0, maxAgeMs: 1000 })
      missing.catch(() => undefined)
      await runtime.advance(3 * LATENCY)
      await expect(missing).rejects.toMatchObject({ code: 'ERR_UNKNOWN_TOPIC' })
    }
    expect(state.stats().places).toBe(0)
    expect(await ask()).toMatchObject({ end: 0 })
  })
})

describe('the clock of a tail', () => {
  it('names another life once it has stepped back, and hands out no earlier sample', async () => {
    const { ask } = tailOf()
    const before = await ask({ maxAgeMs: 60_000 })
    runtime.stepClocks(-10_000)
    const after = await ask({ maxAgeMs: 60_000 })
    expect(after.life).not.toBe(before.life)
  })

  it('hands out no sample to others during which a step back may hide', async () => {
    const { state } = tailOf({}, { latency: 1500 })
    const one = state.proof({ topic: 't', partition: 0, maxAgeMs: 0 })
    await runtime.advance(800)
    runtime.stepClocks(-700)
    await runtime.advance(800)
    const first = await one
    // By that clock it began 800 ms ago, in truth twice as long.
    const later = state.proof({ topic: 't', partition: 0, maxAgeMs: 1000 })
    await runtime.advance(4000)
    const second = await later
    expect(second.life).not.toBe(first.life)
    expect(second.at).toBeGreaterThanOrEqual(800)
  })

  it('names another life once the machine has slept', async () => {
    const { ask } = tailOf()
    const before = await ask({ maxAgeMs: 60_000 })
    runtime.freeze(5000)
    expect((await ask({ maxAgeMs: 60_000 })).life).not.toBe(before.life)
  })

  it('stops to sample two seconds after the last question also where it has stepped back meanwhile', async () => {
    const { state, ask } = tailOf()
    await ask({ maxAgeMs: 500 })
    // Into a pause: a sample that is under way fails, and ends it.
    await runtime.advance(50)
    runtime.stepClocks(-3_600_000)
    await runtime.advance(3000)
    const over = state.stats().samples
    await runtime.advance(60_000)
    expect(state.stats().samples).toBe(over)
    expect(runtime.sleeping).toBe(0)
  })

  it('keeps its life while both clocks go on', async () => {
    const { ask } = tailOf()
    const before = await ask()
    await runtime.advance(3_600_000)
    expect((await ask()).life).toBe(before.life)
  })

  it('hands out no sample that is older than a pause in which a step back may hide', async () => {
    const { state, ask } = tailOf()
    await ask()
    await runtime.advance(700)
    runtime.stepClocks(-600)
    await ask({ maxAgeMs: 2000 })
    expect(state.stats().samples).toBeGreaterThan(1)
  })

  it('refuses a sample during which it stepped', async () => {
    const { state } = tailOf()
    const answer = state.proof({ topic: 't', partition: 0, maxAgeMs: 0 })
    answer.catch(() => undefined)
    await runtime.advance(1)
    runtime.stepClocks(-10_000)
    await runtime.advance(10 * LATENCY)
    await expect(answer).rejects.toMatchObject({ code: 'ERR_NETWORK', retryable: true })
  })

  it('the clock that the log tells is passed on, with what it cannot have passed when the question was sent', async () => {
    const log = memory({ on, runtime, latency: LATENCY })
    const began = runtime.monotonic()
    const clocked: typeof log = {
      ...log,
      offsets: async (topic, how) => {
        const clock = { life: 'gateway', at: runtime.monotonic() - began + 1_000_000 }
        return (await log.offsets(topic, how)).map((bound) => ({ ...bound, clock }))
      },
    }
    const { ask } = tailOf({ log: clocked })
    const first = await ask()
    expect(first).toMatchObject({ life: 'gateway', at: 1_000_000 })
    await runtime.advance(100)
    const then = runtime.monotonic() - began + 1_000_000
    const told = await ask({ maxAgeMs: 2000 })
    expect(told.life).toBe('gateway')
    expect(told.theirs).toBeGreaterThanOrEqual(then)
    expect(told.theirs).toBeLessThan(then + 50)
  })
})

describe('records that no proof has', () => {
  const askFor = async (state: TailState, logId: string) => {
    const answer = state.records({ topic: 't', partition: 0, offset: 1, maxBytes: 1000, logId })
    await runtime.advance(10 * LATENCY)
    return answer
  }

  it('come from a tail whose first question they are: one that has just begun', async () => {
    append(3)
    const { logId } = await tailOf().ask()
    expect((await askFor(tailOf().state, logId))?.records.map(({ offset }) => offset)).toEqual([1, 2])
  })

  it('do not come from another log', async () => {
    append(3)
    expect(await askFor(tailOf().state, 'another')).toBeUndefined()
  })
})

describe('a log that tells no identity', () => {
  const nameless: MemoryOptions = { capabilities: { identity: false } }
  const storage = () => {
    const kept = new Map<string, unknown>()
    return {
      kept,
      get: async (key: string) => structuredClone(kept.get(key)),
      put: async (key: string, value: unknown) => void kept.set(key, structuredClone(value)),
    }
  }

  it('gets one from the tail, which stays while the last record is found again', async () => {
    append(3)
    const { ask } = tailOf({}, nameless)
    const { logId } = await ask()
    append(3)
    expect(await ask({ from: 3 })).toMatchObject({ logId, base: 3, next: 6 })
  })

  it('gets another one where another record stands in the place of the last', async () => {
    append(3, 'old')
    const { ask } = tailOf({}, nameless)
    const { logId } = await ask()
    on.recreateTopic('t')
    append(5, 'new')
    const told = await ask({ from: 0 })
    expect(told.logId).not.toBe(logId)
    expect(told.records).toHaveLength(5)
  })

  it('gets another one where the log ends before what was read of it', async () => {
    append(3, 'old')
    const { ask } = tailOf({}, nameless)
    const { logId } = await ask()
    on.recreateTopic('t')
    append(1, 'new')
    expect((await ask()).logId).not.toBe(logId)
  })

  it('keeps it over the life of the tail where a storage is given, unless the log is another one by then', async () => {
    append(3, 'old')
    const keeps = storage()
    const { logId } = await tailOf({ storage: keeps }, nameless).ask()
    append(300, 'more')
    expect((await tailOf({ storage: keeps }, nameless).ask()).logId).toBe(logId)
    on.recreateTopic('t')
    append(400, 'new')
    expect((await tailOf({ storage: keeps }, nameless).ask()).logId).not.toBe(logId)
  })

  it('takes garbage in its storage for nothing', async () => {
    const keeps = storage()
    keeps.kept.set('t/0', { id: 7 })
    expect((await tailOf({ storage: keeps }, nameless).ask()).logId).toMatch(/^[0-9a-f]{32}$/)
  })

  it('writes into its storage once in ten seconds at most', async () => {
    const keeps = storage()
    let writes = 0
    const { ask } = tailOf({ storage: { ...keeps, put: async () => void writes++ } }, nameless)
    for (let time = 0; time < 20; time++) {
      append(1)
      await ask()
    }
    expect(writes).toBe(1)
    await runtime.advance(10_000)
    append(1)
    await ask()
    expect(writes).toBe(2)
  })
})
