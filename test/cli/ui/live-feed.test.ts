/** Who looks costs the service one sample a second, whatever they are; who does not read is cut. */
import { describe, expect, it } from 'vitest'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { LiveFeed, MAX_VIEWERS } from '../../../cli/ui/live-feed.ts'
import type { LiveSource, Sample, ViewerRights } from '../../../cli/ui/live-feed.ts'
import type { EvictionBatch, EvictionLine, LiveState } from '../../../cli/ui/state.ts'

const SEES: ViewerRights = { seesEvictions: true }
const SAMPLE: Sample = {
  service: 'serve',
  verdict: { mood: 'good', says: 'Fresh', because: 'It is.' },
  topic: { topic: 'cache-evictions', partitions: [{ partition: 0, position: 3, end: 4 }], more: 0 },
}
const lineAt = (offset: number): EvictionLine => ({
  at: 1,
  partition: 0,
  offset,
  namespace: 'users',
  what: 'keys',
  names: ['7'],
  more: 0,
})

function world(source: Partial<LiveSource> = {}) {
  const runtime = fakeRuntime()
  const errors: unknown[] = []
  let samples = 0
  let tell: ((line: EvictionLine) => void) | undefined
  const follows: AbortSignal[] = []
  const feed = new LiveFeed(
    {
      sample: async () => (samples++, SAMPLE),
      follow: async (told, signal) => {
        tell = told
        follows.push(signal)
      },
      ...source,
    },
    { version: '1.2.3', runtime, onError: (error) => errors.push(error) },
  )
  return { runtime, feed, errors, follows, samples: () => samples, evict: (n: number) => tell?.(lineAt(n)) }
}

/** Reads in the background what a viewer is sent. */
function reading(stream: ReadableStream<Uint8Array>) {
  const events: (readonly [name: string, data: unknown])[] = []
  const reader = stream.getReader()
  let end: unknown
  const read = async () => {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return (end = 'closed')
      const [, name, data] = /^event: (.*)\ndata: (.*)\n\n$/.exec(new TextDecoder().decode(value)) ?? []
      events.push([name!, JSON.parse(data!)])
    }
  }
  void read().catch((error: unknown) => (end = error))
  const of = <T>(name: string) => events.filter(([each]) => each === name).map(([, data]) => data as T)
  return {
    states: () => of<LiveState>('state'),
    batches: () => of<EvictionBatch>('evictions'),
    end: () => end,
    leave: () => reader.cancel(),
  }
}

describe('the feed of the live page', () => {
  it('samples nothing without viewers, and once a second for all who do', async () => {
    const { feed, runtime, samples } = world()
    await runtime.advance(10_000)
    expect(samples()).toBe(0)
    const viewers = [1, 2, 3].map((each) => reading(feed.open(SEES, `client ${each}`)!))
    await runtime.advance(10_000)
    expect(samples()).toBeGreaterThanOrEqual(10)
    expect(samples()).toBeLessThanOrEqual(11)
    for (const { states } of viewers) expect(states().length).toBe(samples())
    await Promise.all(viewers.map(({ leave }) => leave()))
    const before = samples()
    await runtime.advance(10_000)
    expect(samples()).toBe(before)
    expect(feed.viewers).toBe(0)
  })

  it('gives a state to who asks once, and the same to all who ask at once', async () => {
    const { feed, samples, runtime } = world()
    await runtime.advance(5000)
    const all = await Promise.all([feed.state(SEES), feed.state(SEES), feed.state({ seesEvictions: false })])
    expect(samples()).toBe(1)
    expect(all[0]).toMatchObject({ ...SAMPLE, version: '1.2.3', upMs: 5000, showsEvictions: true })
    expect(all[2]).not.toHaveProperty('topic')
    expect(all[2]).toMatchObject({ showsEvictions: false })
  })

  it('tells evictions at once, together where they come together, and only to who may see them', async () => {
    const { feed, runtime, evict } = world()
    const [sees, blind] = [SEES, { seesEvictions: false }].map((rights) =>
      reading(feed.open(rights, undefined)!),
    )
    await runtime.settle()
    evict(1)
    evict(2)
    await runtime.advance(150)
    expect(sees!.batches().flatMap(({ lines }) => lines.map(({ offset }) => offset))).toEqual([1, 2])
    expect(sees!.batches().filter(({ lines }) => lines.length > 0)).toHaveLength(1)
    expect(blind!.batches()).toEqual([])
    expect(blind!.states().every((state) => state.topic === undefined)).toBe(true)
  })

  it('counts evictions that come too fast, and gives the last ones to who comes later', async () => {
    const { feed, runtime, evict } = world()
    const first = reading(feed.open(SEES, undefined)!)
    await runtime.settle()
    for (let offset = 0; offset < 1000; offset++) evict(offset)
    await runtime.advance(1000)
    const [, batch] = first.batches()
    expect(batch!.lines.map(({ offset }) => offset)).toEqual(Array.from({ length: 50 }, (_, at) => 950 + at))
    expect(batch!.skipped).toBe(950)
    const later = reading(feed.open(SEES, undefined)!)
    await runtime.settle()
    expect(later.batches()[0]!.lines).toHaveLength(50)
  })

  it('shows no viewer a list with a hole: what came without viewers is not known', async () => {
    const { feed, runtime, evict, follows } = world()
    const first = reading(feed.open(SEES, undefined)!)
    await runtime.settle()
    evict(1)
    await runtime.advance(1000)
    await first.leave()
    expect(follows.map(({ aborted }) => aborted)).toEqual([true])
    const second = reading(feed.open(SEES, undefined)!)
    await runtime.settle()
    expect(second.batches()).toEqual([{ lines: [], skipped: 0 }])
    expect(follows.map(({ aborted }) => aborted)).toEqual([true, false])
  })

  it('has so many places, of which no client takes all', async () => {
    const { feed } = world()
    const greedy = Array.from({ length: MAX_VIEWERS }, () => feed.open(SEES, 'greedy')).filter(Boolean)
    expect(greedy.length).toBeLessThan(MAX_VIEWERS)
    const others = Array.from({ length: MAX_VIEWERS }, (_, at) => feed.open(SEES, `other ${at}`)).filter(
      Boolean,
    )
    expect(others.length).toBe(MAX_VIEWERS - greedy.length)
    await greedy[0]!.cancel()
    expect(feed.open(SEES, 'one more')).toBeDefined()
  })

  it('cuts a viewer that does not read, and no other', async () => {
    const big = { ...SAMPLE, verdict: { ...SAMPLE.verdict, because: 'x'.repeat(20_000) } }
    const { feed, runtime } = world({ sample: async () => big })
    const stuck = feed.open(SEES, 'a')!
    const reads = reading(feed.open(SEES, 'b')!)
    await runtime.advance(30_000)
    expect(feed.viewers).toBe(1)
    expect(reads.states().length).toBeGreaterThan(25)
    await expect(stuck.getReader().read()).rejects.toThrow('does not read')
  })

  it('goes on after a sample that failed, and says so to the process', async () => {
    let failing = true
    const { feed, runtime, errors } = world({
      sample: async () => {
        if (failing) throw new Error('no sample')
        return SAMPLE
      },
    })
    const viewer = reading(feed.open(SEES, undefined)!)
    await runtime.advance(2500)
    expect(viewer.states()).toEqual([])
    expect(errors.length).toBeGreaterThanOrEqual(2)
    failing = false
    await runtime.advance(1000)
    expect(viewer.states()).toHaveLength(1)
  })

  it('ends every stream when the process stops, and opens none any more', async () => {
    const { feed, runtime } = world()
    const viewers = [1, 2].map(() => reading(feed.open(SEES, undefined)!))
    await runtime.settle()
    feed.close()
    await runtime.settle()
    expect(viewers.map(({ end }) => end())).toEqual(['closed', 'closed'])
    expect(feed.open(SEES, undefined)).toBeUndefined()
    expect(feed.viewers).toBe(0)
  })
})
