/** Audit lines on their way to a topic: never waited for, bounded, and losses counted. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { AuditLines } from '../../../services/audit/audit-lines.ts'
import type { AuditLinesOptions } from '../../../services/audit/audit-lines.ts'
import { fakeRuntime } from '../../../src/testing/index.ts'

interface Said {
  readonly at: number
  readonly lost?: number
  readonly seq: number
  readonly writer: string
}

function world(options: Partial<AuditLinesOptions> = {}, isolatesRequests = false) {
  const runtime = Object.assign(fakeRuntime(), { isolatesRequests })
  const calls: string[][] = []
  const lost: number[] = []
  const topic = { take: async (_lines: readonly string[], _signal: AbortSignal): Promise<void> => {} }
  const lines = new AuditLines({
    runtime,
    onLost: (count) => lost.push(count),
    send: async (texts, signal) => {
      await topic.take(texts, signal)
      calls.push([...texts])
    },
    ...options,
  })
  const said = () => calls.flat().map((text) => JSON.parse(text) as Said)
  /** Lets time go by until all of it has settled. */
  const pass = async (ms = 20_000) => {
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      await runtime.advance(ms / 20)
    }
  }
  return { lines, calls, said, lost, topic, pass, runtime }
}

const away = (): Promise<never> => Promise.reject(new Error('away'))
const silent = (_: unknown, signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })

describe('audit lines', () => {
  it('go in one call when they come in one turn, numbered by one writer', async () => {
    const { lines, calls, said } = world()
    await Promise.all([0, 1, 2].map((at) => lines.tell({ at })))
    expect(calls).toHaveLength(1)
    expect(said().map(({ at, seq }) => [at, seq])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ])
    expect(new Set(said().map(({ writer }) => writer)).size).toBe(1)
  })

  it('are sealed each by itself with a key', async () => {
    const { lines, calls } = world({ key: 'sixteen-letters!sixteen-letters!' })
    await lines.tell({ at: 1 })
    const [, text, chain] = /^(.*),"chain":"([0-9a-f]{64})"\}$/.exec(calls[0]![0]!) ?? []
    expect(createHmac('sha256', 'sixteen-letters!sixteen-letters!').update(`\n${text}}`).digest('hex')).toBe(
      chain,
    )
    expect(() => world({ key: 'short' })).toThrow('`key` must be a secret of at least 32 characters')
  })

  it('are sent again where a call fails, and come once where it works', async () => {
    const { lines, said, topic, lost, pass } = world()
    let calls = 0
    topic.take = () => (++calls < 3 ? away() : Promise.resolve())
    void lines.tell({ at: 0 })
    await pass()
    expect([calls, said().length, lost]).toEqual([3, 1, []])
  })

  it.each([
    ['fails', away],
    ['is silent', silent],
  ])('are lost where the topic %s, and the next one says how many', async (_, take) => {
    const { lines, said, topic, lost, pass } = world()
    topic.take = take
    for (let at = 0; at < 3; at++) void lines.tell({ at })
    await pass()
    void lines.tell({ at: 3 })
    await pass()
    topic.take = async () => {}
    await lines.tell({ at: 4 })
    expect(lost).toEqual([3, 1])
    expect(said()).toMatchObject([{ at: 4, lost: 4, seq: 4 }])
    await lines.tell({ at: 5 })
    expect(said()[1]).not.toHaveProperty('lost')
  })

  it('wait in bounded number while the topic is silent', async () => {
    const { lines, said, topic, lost, pass } = world()
    let free!: () => void
    topic.take = () => new Promise((resolve) => (free = resolve))
    void lines.tell({ at: -1 })
    await new Promise((resolve) => setImmediate(resolve))
    for (let at = 0; at < 10_005; at++) void lines.tell({ at })
    expect(lost).toEqual([1, 1, 1, 1, 1])
    topic.take = async () => {}
    free()
    await pass(1)
    expect(said()).toHaveLength(10_001)
    await lines.tell({ at: 0 })
    expect(said().at(-1)).toMatchObject({ lost: 5, seq: 10_006 })
  })

  it('wait in bounded size', async () => {
    const { lines, topic, lost } = world()
    topic.take = silent
    for (let at = 0; at < 100; at++) void lines.tell({ at: 'x'.repeat(100_000) })
    expect(lost).toHaveLength(17)
  })

  it('of requests that must not share a promise are handed on by each', async () => {
    const { lines, said, topic } = world({}, true)
    topic.take = (texts) => (texts[0]!.includes('"at":0') ? new Promise(() => {}) : Promise.resolve())
    void lines.tell({ at: 0 })
    await new Promise((resolve) => setImmediate(resolve))
    await lines.tell({ at: 1 })
    expect(said()).toMatchObject([{ at: 1 }])
  })

  /** Requests that Workers cancels: neither their calls nor their timers ever return. */
  async function cancelled({ lines, topic, runtime }: ReturnType<typeof world>, count: number) {
    const sleep = runtime.sleep.bind(runtime)
    topic.take = () => new Promise(() => {})
    runtime.sleep = () => new Promise(() => {})
    for (let at = 0; at < count; at++) {
      void lines.tell({ at })
      await new Promise((resolve) => setImmediate(resolve))
    }
    topic.take = async () => {}
    runtime.sleep = sleep
  }

  it('of requests that were cancelled count as lost, and those of later requests go on', async () => {
    const at = world({}, true)
    const { lines, said, lost, runtime } = at
    await cancelled(at, 17)
    await runtime.advance(29_999)
    await lines.tell({ at: 17 })
    expect([said(), lost]).toEqual([[], []])
    await runtime.advance(1)
    await lines.tell({ at: 18 })
    expect(lost).toEqual(Array(16).fill(1))
    expect(said()).toMatchObject([{ at: 16 }, { at: 17 }, { at: 18, lost: 16, seq: 18 }])
  })

  it('are left to the next request by one that has handed on lines for 10 s', async () => {
    const at = world({}, true)
    const { lines, calls, lost, topic, runtime, pass } = at
    await cancelled(at, 15)
    topic.take = () => runtime.sleep(4000)
    let ended = false
    const one = lines.tell({ at: 0 }).then(() => (ended = true))
    for (let more = 1; more < 3000; more++) void lines.tell({ at: more })
    await pass(16_000)
    expect([ended, calls.length]).toEqual([true, 3])
    topic.take = async () => {}
    await one
    await lines.tell({ at: 3000 })
    expect([calls.flat().length, lost]).toEqual([3001, []])
  })

  it('that are left at the end are sent, or counted', async () => {
    const { lines, said, topic, lost, pass } = world()
    void lines.tell({ at: 0 })
    await lines.close()
    expect(said()).toHaveLength(1)
    topic.take = () => new Promise(() => {})
    for (let at = 0; at < 600; at++) void lines.tell({ at })
    const closed = lines.close()
    await pass()
    await closed
    expect(lost.reduce((sum, count) => sum + count, 0)).toBe(600)
  })
})
