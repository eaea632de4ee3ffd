import { describe, expect, it, onTestFinished } from 'vitest'
import type { OpenStore } from '../../cli/store.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { memorySink } from '../../src/testing/index.ts'
import type { MemorySink } from '../../src/testing/index.ts'
import { memoryTier } from '../../src/testing/memory-tier.ts'
import { append, Clock, cluster, kedge, NOW, proxy } from './harness.ts'
import type { Ran, Surroundings } from './harness.ts'

const decoder = new TextDecoder()

function store(tier?: OpenStore['tier']) {
  const sink = memorySink()
  const opened: { url: string; password: string | undefined; prefix: string }[] = []
  let closed = 0
  return {
    sink,
    opened,
    closed: () => closed,
    all: () => Object.fromEntries(sink.store.keys().map((key) => [key, decoder.decode(sink.store.get(key))])),
    openStore: async (
      url: string,
      options: { password: string | undefined; prefix: string },
    ): Promise<OpenStore> => {
      opened.push({ url, ...options })
      return { sink, tier, close: async () => void closed++ }
    },
  }
}

const ARGS = ['sync', '--topic', 'orders', '--to', 'redis://127.0.0.1:6379', '--key', 'order:{key}']

/** Clocks and sleeps that pass so many times as fast. */
function fast(times: number) {
  const base = systemRuntime()
  const began = base.monotonic()
  return {
    monotonic: () => (base.monotonic() - began) * times,
    sleep: (ms: number, signal?: AbortSignal) => base.sleep(ms / times, signal),
  }
}

/** A process on real time, until it is stopped. */
async function serving(args: string[], around: Surroundings, sink: MemorySink) {
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  let ran!: Promise<Ran>
  const lines: string[] = []
  const url = await new Promise<string>((resolve, reject) => {
    ran = kedge([...args, '--listen', '127.0.0.1:0'], {
      runtime: systemRuntime(),
      ...around,
      stop: stop.signal,
      onOut: (text) => {
        lines.push(text)
        const found = /http:\/\/\S+/.exec(text)
        if (found) resolve(found[0])
      },
    })
    void ran.then(({ err }) => reject(new Error(err)))
  })
  const ready = async (wanted: number) => {
    for (;;) {
      const { status } = await fetch(`${url}/readyz`)
      if (status === wanted) return
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  return { url, ran, lines, stop: () => stop.abort(), ready, sink }
}

describe('kedge sync', () => {
  it('reads a topic through a proxy to its end, and ends', async () => {
    const { log, fetch } = proxy()
    append(log, 'orders', { id: 1, total: 5 }, '1')
    append(log, 'orders', { id: 2, total: 7 }, '2')
    append(log, 'orders', null, '1')
    const { openStore, all, closed, sink } = store()
    const { code, out, err } = await kedge([...ARGS, '--value', 'total', '--once', '--stream', 's'], {
      fetch,
      openStore,
    })
    expect(err).toBe('')
    expect(out).toMatch(
      /^kedge sync keeps memory equal to orders \(as the stream s\)\nthe store knows nothing of it: reading from the beginning\nat the end: 3 records in [^\n]+\n$/,
    )
    expect(code).toBe(0)
    expect(all()).toEqual({ 'order:2': '7' })
    expect(sink.store.state('s')?.positions).toEqual(new Map([[0, 3]]))
    expect(closed()).toBe(1)
  })

  it('reads the brokers themselves, and lets go of them', async () => {
    const fake = cluster()
    fake.log.createTopic('orders')
    append(fake.log, 'orders', { id: 1 }, '1')
    const { openStore, all } = store()
    const { code, err } = await kedge([...ARGS, '--once', '--brokers', 'kafka:9092'], {
      connect: () => fake,
      openStore,
    })
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(all()).toEqual({ 'order:1': '{"id":1}' })
    expect(fake.closed).toBe(1)
  })

  it('goes on from where it was', async () => {
    const { log, fetch } = proxy()
    append(log, 'orders', { id: 1 }, '1')
    const { openStore, all } = store()
    await kedge([...ARGS, '--once'], { fetch, openStore })
    append(log, 'orders', { id: 2 }, '2')
    const { out } = await kedge([...ARGS, '--once'], { fetch, openStore })
    expect(out).toContain('at the end: 1 records')
    const { out: third } = await kedge([...ARGS, '--once'], { fetch, openStore })
    expect(third).toContain('at the end: nothing had come since')
    expect(Object.keys(all())).toHaveLength(2)
  })

  it('serves its health over HTTP until SIGTERM', async () => {
    const { log, fetch: transport } = proxy()
    append(log, 'orders', { id: 1 }, '1')
    const { openStore, sink, all } = store()
    const { url, ran, ready, stop } = await serving(
      [...ARGS, '--stream', 's'],
      { fetch: transport, openStore },
      sink,
    )
    await ready(200)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect(await (await fetch(`${url}/lag`)).json()).toEqual({
      topic: 'orders',
      stream: 's',
      records: 0,
      ms: 0,
      rehydrating: false,
      partitions: [{ partition: 0, position: 1, end: 1 }],
      pressure: 0,
      ready: true,
      notReady: [],
    })
    const metrics = await fetch(`${url}/metrics`)
    expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const text = await metrics.text()
    expect(text).toContain(
      '\n# TYPE kedge_sync_written_total counter\nkedge_sync_written_total{topic="orders",stream="s"} 1\n',
    )
    expect(text).toContain('\nkedge_sync_lag_records{topic="orders",stream="s"} 0\n')
    expect(text).toContain('\nkedge_sync_position{topic="orders",stream="s",partition="0"} 1\n')
    expect(text).toContain('\nkedge_sync_ready{topic="orders",stream="s"} 1\n')
    stop()
    const { code, err } = await ran
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(all()).toEqual({ 'order:1': '{"id":1}' })
    await expect(fetch(url)).rejects.toThrow()
  })

  it('is not ready while the store is down, and says so once', async () => {
    const { log, fetch: transport } = proxy()
    append(log, 'orders', { id: 1 }, '1')
    const { openStore, sink } = store()
    sink.fail(new KedgeError('ERR_NETWORK', 'connection refused', { retryable: true }))
    const { ran, ready, stop, url } = await serving(ARGS, { fetch: transport, openStore }, sink)
    await ready(503)
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ready: false })
    await new Promise((resolve) => setTimeout(resolve, 300))
    sink.fail()
    await ready(200)
    stop()
    const { err, out } = await ran
    expect(err).toBe('the store fails: connection refused; trying again\n')
    expect(out).toMatch(/the store is back after (?:\d+ ms|\d+s)\n/)
  })

  it('with --once ends with 1 when the store is away for so long, and says meanwhile what it waits for', async () => {
    const { log, fetch } = proxy()
    append(log, 'orders', { id: 1 }, '1')
    const { openStore, sink } = store()
    sink.fail(new KedgeError('ERR_NETWORK', 'connection refused', { retryable: true }))
    const { code, err } = await kedge([...ARGS, '--once', '--give-up-after', '25s'], {
      fetch,
      openStore,
      runtime: systemRuntime({ ...fast(20) }),
    })
    expect(code).toBe(1)
    expect(err).toMatch(
      /^the store fails: connection refused; trying again\n(?:waiting for memory for [12]\ds: connection refused\n){1,2}kedge: the store has failed for 2\d s: connection refused\n$/,
    )
  })

  it('says that a topic has never had a record, which may be another name', async () => {
    const { fetch } = proxy()
    const { openStore } = store()
    const { code, out, err } = await kedge([...ARGS, '--once'], { fetch, openStore })
    expect(out).toContain('at the end: nothing had come since')
    expect(err).toMatch(/^the topic orders has never had a record: is that its name\? [^\n]+\n$/)
    expect(code).toBe(0)
  })

  it('names the topic that is not there, and what makes it', async () => {
    const fake = cluster()
    const on = ['--once', '--brokers', 'kafka:9092']
    const around = { connect: () => fake, openStore: store(memoryTier()).openStore }
    const { code, err } = await kedge([...ARGS, ...on], around)
    expect(err).toBe(
      'kedge: the topic orders does not exist: check its name, or create it for messages of kedge: kedge topics create --only updates --updates-topic orders\n',
    )
    expect(code).toBe(1)
    const tier = await kedge(['sync', '--tier', '--to', 'redis://h', ...on], around)
    expect(tier.err).toContain('kedge topics create --only evictions --evictions-topic cache-evictions\n')
    expect(tier.code).toBe(1)
  })

  it('draws a bar where lines can be written over, and says the end in its place', async () => {
    const { log, fetch } = proxy()
    // More records than one read returns.
    for (let at = 0; at < 3; at++) append(log, 'orders', 'x'.repeat(600_000), `${at}`)
    const { openStore } = store()
    const around = { fetch, openStore, live: true, runtime: systemRuntime() }
    const { out } = await kedge([...ARGS, '--once'], around)
    const drawn = out.split('\r\u001B[2K')
    expect(drawn[1]).toMatch(/^█+░+ {2}(?:33|66)% {2}[12] of 3/)
    expect(drawn.at(-1)).toMatch(/^at the end: 3 records/)
    expect(out.endsWith('\n')).toBe(true)
  })

  it('says what it could not use, and where it is kept', async () => {
    const { log, fetch } = proxy()
    append(log, 'orders', { id: 1 }, null)
    const { openStore } = store()
    const { code, err } = await kedge([...ARGS, '--once', '--dead-letters', 'orders.dead'], {
      fetch,
      openStore,
    })
    expect(err).toBe(
      'a record could not be used; the last one at 0@0: there is nothing to put in the place of {key}\n',
    )
    expect(code).toBe(0)
    expect(log.offsets('orders.dead', 0).end).toBe(1)
  })

  it('writes change events of Debezium under the name of the topic and the row', async () => {
    const { log, fetch } = proxy()
    const event = (op: string, after: unknown) => ({ before: null, after, op, source: {}, ts_ms: 1 })
    append(log, 'shop.items', event('c', { shop: 1, sku: 'a:b', n: 2 }), '{"shop":1,"sku":"a:b"}')
    append(log, 'shop.items', event('c', { shop: 2 }), '{"shop":2,"sku":"c"}')
    append(log, 'shop.items', event('d', null), '{"shop":2,"sku":"c"}')
    append(log, 'shop.items', event('t', null))
    const { openStore, all } = store()
    const args = ['sync', '--topic', 'shop.items', '--to', 'redis://h', '--format', 'debezium', '--once']
    const { code, err } = await kedge(args, { fetch, openStore })
    expect(all()).toEqual({ 'shop.items:1:a%3Ab': '{"shop":1,"sku":"a:b","n":2}' })
    expect(err).toBe(
      'at 0@3: the table was truncated (op t): its rows stay in the store until they are deleted there\n',
    )
    expect(code).toBe(0)
  })

  it('takes the quotes from keys that are JSON texts, where that is asked for', async () => {
    const { log, fetch } = proxy()
    append(log, 'orders', { id: 1 }, '"1"')
    const { openStore, all } = store()
    const { err } = await kedge([...ARGS, '--key-format', 'json', '--once'], { fetch, openStore })
    expect(err).toBe('')
    expect(all()).toEqual({ 'order:1': '{"id":1}' })
  })

  it('says once that times are in another unit', async () => {
    const { log, fetch } = proxy()
    for (const id of [1, 2]) append(log, 'orders', { id, ttl: 60 }, `${id}`)
    const { openStore } = store()
    const { err } = await kedge([...ARGS, '--ttl-field', 'ttl', '--once'], { fetch, openStore })
    expect(err).toBe(
      'the time to live at 0@0 looks like seconds (60), and is taken for milliseconds: where the field is in seconds, let it be a text such as "60s". This is said once; suspect_times_total counts\n',
    )
  })

  it('applies evictions to a tier', async () => {
    const { log, fetch } = proxy()
    append(log, 'cache-evictions', { v: 1, op: 'evict', ns: 'users', keys: ['7'] })
    const tier = memoryTier()
    const { openStore } = store(tier)
    const { code, out, err } = await kedge(['sync', '--tier', '--to', 'redis://127.0.0.1', '--once'], {
      fetch,
      openStore,
    })
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).toContain('applies cache-evictions to the tier in memory')
    expect(await tier.applier.position(0)).toMatchObject({ position: 1 })
    const without = await kedge(['sync', '--tier', '--to', 'memcached://127.0.0.1', '--once'], {
      fetch,
      openStore: store().openStore,
    })
    expect(without.code).toBe(2)
    expect(without.err).toMatch(/--tier needs Redis/)
  })

  it('says every ten seconds that a tier cannot be kept', async () => {
    const clock = new Clock()
    const stop = new AbortController()
    const { openStore } = store(memoryTier())
    const { err, code } = await kedge(['sync', '--tier', '--to', 'redis://h'], {
      openStore,
      stop: stop.signal,
      fetch: () => {
        // The refusal takes some time.
        clock.ms += 500
        if (clock.ms > NOW + 60_000) stop.abort()
        return Promise.reject(new TypeError('fetch failed'))
      },
      runtime: clock.runtime,
    })
    expect(code).toBe(0)
    const lines = err.trim().split('\n')
    expect(lines.length).toBeGreaterThanOrEqual(3)
    expect(lines.length).toBeLessThanOrEqual(7)
    for (const line of lines) expect(line).toMatch(/^kedge sync: .*; trying again$/)
  })

  it('never shows a password', async () => {
    const { fetch } = proxy()
    const url = 'redis://ann:s3cr%40t@127.0.0.1:6379'
    const { openStore, opened } = store()
    const failing: typeof openStore = async (...given) => {
      await openStore(...given)
      throw new Error(`cannot reach ${url} with s3cr@t and env-secret`)
    }
    const { err } = await kedge(['sync', '--topic', 'orders', '--to', url, '--key', '{key}'], {
      fetch,
      openStore: failing,
      env: { KEDGE_SYNC_PASSWORD: 'env-secret' },
    })
    expect(err).toBe('kedge: cannot reach redis://ann:***@127.0.0.1:6379 with *** and ***\n')
    expect(opened).toEqual([{ url, password: 'env-secret', prefix: 'kedge:' }])
  })

  it.each([
    [[], /--to is missing: give it, or set KEDGE_SYNC_TO/],
    [['--to', 'redis://h'], /--topic is missing/],
    [['--to', 'redis://h', '--topic', 'orders'], /--key is missing/],
    [['--to', 'redis://h', '--topic', 'orders', '--key', 'order'], /`key` has no placeholder/],
    [['--to', 'redis://h', '--topic', 'orders', '--key', '{key'], /`key`: the braces/],
    [['--to', 'redis://h', '--topic', 'orders', '--key', '{key}', '--ttl', 'soon'], /--ttl must be/],
    [['--to', 'redis://h', '--topic', 'orders', '--key', '{key}', '--ttl', '300'], /--ttl needs a unit/],
    [
      ['--to', 'redis://h', '--topic', 'orders', '--format', 'debezium', '--key-format', 'json'],
      /`keyFormat` is not for/,
    ],
    [
      ['--to', 'redis://h', '--topic', 'orders', '--key', '{key}', '--ttl', '1d', '--ttl-field', 'x'],
      /not both/,
    ],
    [['--to', 'redis://h', '--topic', 'orders', '--key', '{key}', '--format', 'xml'], /--format/],
    [['--to', 'redis://h', '--topic', 'orders', '--key', '{key}', '--listen', 'nowhere'], /--listen/],
    [
      ['--to', 'redis://h', '--topic', 'orders', '--key', '{key}', '--brokers', 'k:1', '--url', 'http://p'],
      /not both/,
    ],
  ])('refuses %j with a sentence and 2', async (args, sentence) => {
    const { code, err } = await kedge(['sync', ...args], { openStore: store().openStore })
    expect(err).toMatch(sentence)
    expect(err).toMatch(/^kedge: [^\n]+\n$/)
    expect(code).toBe(2)
  })

  it.each([['ftp://h'], ['redis://a,b'], ['redis://h/x'], ['redis://'], ['memcached://a/3'], ['s3cret']])(
    'refuses %j as a store without quoting it',
    async (url) => {
      const { code, err } = await kedge(['sync', '--topic', 'orders', '--key', '{key}', '--to', url])
      expect(code).toBe(2)
      expect(err).toMatch(/^kedge: --to .* must be redis:/)
      expect(err).not.toContain('s3cret')
    },
  )
})
