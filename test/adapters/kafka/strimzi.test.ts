import { describe, expect, it } from 'vitest'
import { strimzi, type StrimziOptions } from '../../../adapters/kafka/strimzi.ts'
import { asFetch } from './replay/fake-proxy.ts'
import { FakeStrimzi } from './replay/fake-strimzi.ts'
import { AT_ONCE, json, on, rejection, scriptedFetch, textOf, utf8 } from './scripted-fetch.ts'

const url = 'https://bridge.test'
const place = (offset: number) => [{ partition: 0, offset }]

function bench(options: Partial<StrimziOptions> = {}, waits = true) {
  const proxy = new FakeStrimzi(waits)
  proxy.log.createTopic('t')
  const lines: string[] = []
  const log = strimzi({ url, fetch: asFetch(proxy.handle, lines), ...options })
  const write = (...values: string[]) => {
    for (const value of values) proxy.log.append('t', { key: utf8('k'), value: utf8(value), partition: 0 })
  }
  return { proxy, log, lines, write }
}

const values = ({ records }: { records: readonly { value: Uint8Array | null }[] }) =>
  records.map(({ value }) => textOf(value))

describe('strimzi()', () => {
  it('goes on with the instance that stands where it reads', async () => {
    const { log, lines, write } = bench()
    write('1')
    await log.read('t', place(0), AT_ONCE)
    write('2')
    lines.length = 0
    expect(values(await log.read('t', place(1), AT_ONCE))).toEqual(['2'])
    expect(lines.map((line) => line.replace(/instances\/\S+?\//, 'instances/i/'))).toEqual([
      'GET /topics/t/partitions/0/offsets',
      'GET /consumers/kedge/instances/i/records?timeout=1000&max_bytes=16000000',
    ])
  })

  it('tells headers, and none where there are none', async () => {
    const { proxy, log, write } = bench()
    const headers = [
      { name: 'traceparent', value: utf8('first') },
      { name: 'traceparent', value: utf8('last') },
      { name: 'binary', value: Uint8Array.of(0xff) },
      { name: 'long', value: new Uint8Array(4097) },
    ]
    proxy.log.append('t', { key: null, value: utf8('1'), partition: 0, headers })
    write('2')
    const { records } = await log.read('t', place(0), AT_ONCE)
    const told = headers.slice(0, 3).map(({ name, value }) => [name, value])
    expect(records.map((record) => record.headers)).toEqual([told, undefined])
  })

  it('reports that an answer is too large, and keeps no instance that has passed it', async () => {
    const { proxy, log, write } = bench({ maxResponseBytes: 1024 })
    write('x'.repeat(2000))
    expect(await rejection(log.read('t', place(0), AT_ONCE))).toMatchObject({ code: 'ERR_TOO_LARGE' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(proxy.consumers.size).toBe(0)
    // What follows is read from where the caller stands, not from where a consumer did.
    write('y')
    expect(values(await log.read('t', place(1), AT_ONCE))).toEqual(['y'])
  })

  it('makes a new instance when the bridge has forgotten it', async () => {
    const { proxy, log, write } = bench()
    write('1')
    await log.read('t', place(0), AT_ONCE)
    proxy.consumers.clear()
    write('2')
    expect(values(await log.read('t', place(1), AT_ONCE))).toEqual(['2'])
  })

  it('writes headers, no key as none, and an empty value for null', async () => {
    const { proxy, log } = bench()
    await log.produce('t', [{ key: null, value: null, partition: 0, headers: { trace: 'ü' } }])
    const [record] = proxy.log.read('t', { partition: 0, offset: 0 }, { maxBytes: 1000 })?.records ?? []
    expect(record).toMatchObject({ key: null, value: new Uint8Array() })
    expect(record?.headers).toEqual([{ name: 'trace', value: utf8('ü') }])
  })

  it('does not take a 200 with an error inside for an acknowledgement', async () => {
    const { log } = bench()
    const error = await rejection(log.produce('nope', [{ key: utf8('k'), value: utf8('v'), partition: 0 }]))
    expect(error).toMatchObject({
      code: 'ERR_PUBLISH',
      // The bridge says the same while its brokers are away.
      retryable: true,
      cause: { code: 'ERR_UNKNOWN_TOPIC' },
    })
  })

  it('reads committed records by an instance of its own', async () => {
    const { proxy, log, write } = bench()
    write('plain')
    const transaction = proxy.log.begin()
    transaction.append('t', { key: null, value: utf8('aborted'), partition: 0 })
    transaction.abort()
    write('after')
    const uncommitted = await log.read('t', place(0), AT_ONCE)
    const committed = await log.read('t', place(0), { ...AT_ONCE, isolation: 'committed' })
    expect(values(uncommitted)).toEqual(['plain', 'aborted', 'after'])
    expect(values(committed)).toEqual(['plain', 'after'])
  })

  it('lets no uncommitted instance answer a committed read', async () => {
    const { proxy, log, write } = bench({}, false)
    write('1')
    await log.read('t', place(0), AT_ONCE)
    proxy.log.begin().append('t', { key: null, value: utf8('open'), partition: 0 })
    const committed = await log.read('t', place(1), { ...AT_ONCE, isolation: 'committed' })
    expect(committed).toEqual({ records: [], next: place(1), outOfRange: [] })
    expect(values(await log.read('t', place(1), AT_ONCE))).toEqual(['open'])
  })

  it('finds the record that ends a long poll, and gives its instance back', async () => {
    const { proxy, log, write } = bench()
    const waiting = log.read('t', place(0), { ...AT_ONCE, waitMs: 60_000 })
    await log.offsets('t')
    write('1')
    expect(values(await waiting)).toEqual(['1'])
    write('2')
    expect(values(await log.read('t', place(1), AT_ONCE))).toEqual(['2'])
    expect(proxy.consumers.size).toBe(1)
  })

  it('removes its instances when it is closed', async () => {
    const { proxy, log, write } = bench()
    write('1')
    await log.read('t', place(0), AT_ONCE)
    await log.close?.()
    expect(proxy.consumers.size).toBe(0)
  })

  it('never follows the address that the bridge gives', async () => {
    const { fetch, seen } = scriptedFetch(
      on(/offsets$/, () => json({ beginning_offset: 0, end_offset: 1 })),
      on('POST /consumers/kedge', () =>
        json({ instance_id: 'i', base_uri: 'http://elsewhere.test:9/consumers/kedge/instances/i' }),
      ),
      on(/(assignments|positions)$/, () => json(null, 204)),
      on(/records/, () => json([])),
      on(/^DELETE/, () => json(null, 204)),
    )
    await strimzi({ url, fetch }).read('t', place(0), AT_ONCE)
    expect(new Set(seen.map(({ origin }) => origin))).toEqual(new Set([url]))
  })

  it('asks for nothing that the bridge refuses in the body of a consumer', async () => {
    const { fetch, seen } = scriptedFetch(
      on(/offsets$/, () => json({ beginning_offset: 0, end_offset: 1 })),
      on('POST /consumers/kedge', () => json({ error_code: 400, message: 'Validation error' }, 400)),
    )
    expect(await rejection(strimzi({ url, fetch }).read('t', place(0), AT_ONCE))).toMatchObject({
      code: 'ERR_HTTP',
    })
    expect(seen.at(-1)?.body).toEqual({
      format: 'binary',
      'auto.offset.reset': 'none',
      'enable.auto.commit': false,
    })
  })

  it.each([
    [{ url, gateway: true }, '`gateway` is not an option of strimzi()'],
    [{}, '`url`'],
    [{ url, group: 'a b' }, '`group`'],
    [{ url, instanceIdle: 'x' }, '`instanceIdle`'],
  ])('refuses %j', (options, named) => {
    expect(() => strimzi(options as StrimziOptions)).toThrow(TypeError)
    expect(() => strimzi(options as StrimziOptions)).toThrow(named)
  })
})
