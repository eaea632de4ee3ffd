import { describe, expect, it } from 'vitest'
import { karapace, type KarapaceOptions } from '../../../adapters/kafka/karapace.ts'
import { FakeKarapace } from './replay/fake-karapace.ts'
import type { KarapaceOptions as KarapaceProxyOptions } from './replay/fake-karapace.ts'
import { type Asked, asFetch } from './replay/fake-proxy.ts'
import { AT_ONCE, rejection, textOf, utf8 } from './scripted-fetch.ts'

const url = 'https://karapace.test'
const place = (offset: number) => [{ partition: 0, offset }]

function bench(options: KarapaceProxyOptions = {}) {
  const proxy = new FakeKarapace({ placesAfterMs: 100, ...options })
  proxy.log.createTopic('t')
  const lines: string[] = []
  const meanwhile: { after?: (asked: Asked, answer: { body?: unknown }) => void } = {}
  const handle = (asked: Asked) => {
    const answer = { ...proxy.handle(asked) }
    meanwhile.after?.(asked, answer)
    return answer
  }
  const log = karapace({ url, fetch: asFetch(handle, lines) })
  const write = (...values: string[]) => {
    for (const value of values) proxy.log.append('t', { key: utf8('k'), value: utf8(value), partition: 0 })
  }
  const polls = () => lines.filter((line) => line.includes('/records?'))
  return { proxy, log, lines, write, polls, meanwhile }
}

const values = ({ records }: { records: readonly { value: Uint8Array | null }[] }) =>
  records.map(({ value }) => textOf(value))

describe('karapace()', () => {
  it('polls once before it seeks: a seek right after the assignment is refused', async () => {
    const { log, lines, write } = bench()
    write('1')
    expect(values(await log.read('t', place(0), AT_ONCE))).toEqual(['1'])
    expect(lines.map((line) => line.replace(/kedge-[\w-]+/, 'i'))).toEqual([
      'GET /topics/t/partitions/0/offsets',
      'POST /consumers/kedge',
      'POST /consumers/kedge/instances/i/assignments',
      'GET /consumers/kedge/instances/i/records?timeout=100&max_bytes=1',
      'POST /consumers/kedge/instances/i/positions',
      'GET /consumers/kedge/instances/i/records?timeout=1000&max_bytes=1',
    ])
  })

  it('waits by short polls for a proxy that refuses a seek for longer', async () => {
    const { proxy, log, write, polls } = bench({ placesAfterMs: 600 })
    write('1')
    expect(values(await log.read('t', place(0), AT_ONCE))).toEqual(['1'])
    expect(polls()).toHaveLength(7)
    expect(proxy.waitedMs).toBe(700)
  })

  it('gives an instance up that never gets its partitions', async () => {
    const { log, write } = bench({ placesAfterMs: Infinity })
    write('1')
    expect(await rejection(log.read('t', place(0), AT_ONCE))).toMatchObject({
      code: 'ERR_HTTP',
      retryable: true,
    })
  })

  it('skips no record when the poll that precedes the seek is repeated after it', async () => {
    const { proxy, log, write, meanwhile } = bench()
    write('1', '2')
    let poll: Asked | undefined
    meanwhile.after = (asked) => {
      if (asked.path.endsWith('/records')) poll ??= asked
      if (!asked.path.endsWith('/positions')) return
      proxy.handle(poll!)
      delete meanwhile.after
    }
    expect(values(await log.read('t', place(0), AT_ONCE))).toEqual(['1', '2'])
  })

  it('passes over what two instances in a row have not got', async () => {
    const { proxy, log, write, lines } = bench()
    write('1', '2', '3')
    proxy.log.compact('t')
    expect(values(await log.read('t', place(0), AT_ONCE))).toEqual(['3'])
    expect(lines.filter((line) => line === 'POST /consumers/kedge')).toHaveLength(2)
  })

  it('passes over it in the next read where the first one had no time for the second instance', async () => {
    const { proxy, log, write, lines, meanwhile } = bench()
    write('1', '2', '3')
    proxy.log.compact('t')
    const end = new AbortController()
    let instances = 0
    meanwhile.after = ({ path }) => {
      if (path === '/consumers/kedge' && ++instances === 2) end.abort(new Error('given up'))
    }
    expect(await rejection(log.read('t', place(0), { ...AT_ONCE, signal: end.signal }))).toBe(
      end.signal.reason,
    )
    delete meanwhile.after
    lines.length = 0
    expect(values(await log.read('t', place(0), AT_ONCE))).toEqual(['3'])
    // The second one had been made by then.
    expect(lines.filter((line) => line === 'POST /consumers/kedge')).toHaveLength(0)
  })

  it('passes over it too where instances return records of other partitions beside', async () => {
    const { proxy, log, lines, meanwhile } = bench()
    proxy.log.createTopic('two', { partitions: 2 })
    const append = (value: string, partition: number) =>
      proxy.log.append('two', { key: utf8('k'), value: utf8(value), partition })
    for (let n = 1; n <= 10; n++) append(String(n), 0)
    append('a', 1)
    proxy.log.compact('two')
    let placed = 0
    meanwhile.after = ({ path }, answer) => {
      if (path.endsWith('/positions')) placed++
      // Whose fetch is answered first is a matter of chance.
      if (path.endsWith('/records') && placed % 2 === 1)
        answer.body = (answer.body as { partition: number }[]).filter(({ partition }) => partition === 0)
    }
    const places = [0, 1].map((partition) => ({ partition, offset: 0 }))
    expect(values(await log.read('two', places, { ...AT_ONCE, maxBytes: 10_000 }))).toEqual(['10', 'a'])
    expect(lines.filter((line) => line === 'POST /consumers/kedge')).toHaveLength(2)
  })

  it('does not wait out a poll for a few records', async () => {
    const { proxy, log, write } = bench()
    write('1')
    await log.read('t', place(0), AT_ONCE)
    write('2')
    proxy.waitedMs = 0
    await log.read('t', place(1), AT_ONCE)
    // What the real one took for a first record with max_bytes=1.
    expect(proxy.waitedMs).toBe(100)
  })

  it('takes a long run in one poll', async () => {
    const { log, write, polls } = bench()
    write(...Array.from({ length: 50 }, (_, n) => String(n)))
    expect((await log.read('t', place(0), AT_ONCE)).records).toHaveLength(50)
    expect(polls()).toHaveLength(2)
  })

  it('waits out no more of a long run than its caller would for a first record', async () => {
    const { proxy, log, write, polls } = bench()
    write(...Array.from({ length: 50 }, (_, n) => String(n)))
    proxy.waitedMs = 0
    const { records } = await log.read('t', place(0), { ...AT_ONCE, waitMs: 250 })
    expect(records).toHaveLength(50)
    // The poll before the seek takes a tenth of a second. A cache gives up after some times 250 ms, and would never catch up.
    expect(proxy.waitedMs).toBe(350)
    await log.read('t', place(0), { ...AT_ONCE, waitMs: 5 })
    expect(polls().at(-1)).toMatch('timeout=100&')
  })

  it('loses nothing to a proxy that drops what did not fit', async () => {
    const { log, write } = bench({ drops: true })
    const large = Array.from({ length: 40 }, (_, n) => `${n}${'x'.repeat(4096)}`)
    write(...large)
    const found: (string | null)[] = []
    let next = 0
    for (let reads = 0; reads < 40 && next < 40; reads++) {
      const answer = await log.read('t', place(next), { ...AT_ONCE, maxBytes: 20_000 })
      found.push(...values(answer))
      next = answer.next[0]?.offset ?? next
    }
    expect(found).toEqual(large)
  })

  it('does not take a gap for real when two instances lost the same records while they stood', async () => {
    const proxy = new FakeKarapace({ drops: true, placesAfterMs: 100 })
    proxy.log.createTopic('t')
    const append = (value: string) => proxy.log.append('t', { key: null, value: utf8(value), partition: 0 })
    // Answers of polls for records, each of which waits to be let go.
    const answers: (() => void)[] = []
    const handle = async (asked: Asked) => {
      const answer = proxy.handle(asked)
      const isPoll = asked.path.endsWith('/records') && asked.query.get('max_bytes') !== '1'
      if (isPoll) await new Promise<void>((resolve) => answers.push(resolve))
      return answer
    }
    const log = karapace({ url, fetch: asFetch(handle) })
    const until = (count: number) => expect.poll(() => answers.length).toBe(count)
    // What does not fit any more is dropped behind the large one.
    for (const value of ['a', 'b'.repeat(5000), 'c', 'd']) append(value)
    const first = log.read('t', place(0), AT_ONCE)
    const second = log.read('t', place(0), AT_ONCE)
    await until(2)
    answers[0]!()
    expect((await first).next).toEqual(place(2))
    append('e')
    const third = log.read('t', place(2), AT_ONCE)
    await until(3)
    answers[1]!()
    await second
    answers[2]!()
    const found = third.then(values)
    for (let given = 3; given < 8; given++)
      void until(given + 1).then(
        () => answers[given]!(),
        () => undefined,
      )
    expect((await found)[0]).toBe('c')
  })

  it('notices a reset to the end by the bounds', async () => {
    const { proxy, log, write } = bench()
    write('1', '2', '3')
    await log.offsets('t')
    proxy.log.truncate('t', 0, 2)
    expect(await log.read('t', place(0), AT_ONCE)).toEqual({ records: [], next: place(0), outOfRange: [0] })
  })

  it.each([null, new Uint8Array()])('refuses the value %j before anything is written', async (value) => {
    const { proxy, log } = bench()
    const records = [
      { key: utf8('k'), value: utf8('v'), partition: 0 },
      { key: utf8('k'), value, partition: 0 },
    ]
    expect(await rejection(log.produce('t', records))).toMatchObject({
      code: 'ERR_UNSUPPORTED',
      retryable: false,
    })
    expect(proxy.log.offsets('t', 0).end).toBe(0)
  })

  it('reports a partition that does not exist, which the proxy calls retriable', async () => {
    const { log } = bench()
    const error = await rejection(log.produce('t', [{ key: null, value: utf8('v'), partition: 7 }]))
    expect(error).toMatchObject({
      code: 'ERR_UNKNOWN_TOPIC',
      retryable: false,
    })
  })

  it('makes a new instance when the proxy has forgotten it', async () => {
    const { proxy, log, write } = bench()
    write('1')
    await log.read('t', place(0), AT_ONCE)
    proxy.consumers.clear()
    write('2')
    expect(values(await log.read('t', place(1), AT_ONCE))).toEqual(['2'])
  })

  it('finds its instance by a relative address below a base path', async () => {
    const proxy = new FakeKarapace()
    proxy.log.createTopic('t')
    proxy.log.append('t', { key: null, value: utf8('1'), partition: 0 })
    const lines: string[] = []
    const handle = asFetch(
      (asked) => proxy.handle({ ...asked, path: asked.path.replace('/rest', '') }),
      lines,
    )
    const log = karapace({ url: `${url}/rest`, fetch: handle })
    expect(values(await log.read('t', place(0), AT_ONCE))).toEqual(['1'])
    expect(lines.every((line) => line.includes(' /rest/'))).toBe(true)
  })

  it('refuses options that it does not have', () => {
    const make = () => karapace({ url, marker: true } as unknown as KarapaceOptions)
    expect(make).toThrow('`marker` is not an option of karapace()')
  })
})
