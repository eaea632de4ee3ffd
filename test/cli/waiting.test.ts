/** A service that starts before its log: it waits, tells why, and ends on a signal. */
import { describe, expect, it } from 'vitest'
import { Clock, kedge, NOW, proxy } from './harness.ts'
import type { Proxy, Ran, Surroundings } from './harness.ts'

const TOPICS = { 'cache-evictions': 2, 'cache-updates': 2, 'cache-requests': 2, 'cache-writes': 2 }
const MODULE = { 'module.mjs': 'export default { users: async (ids) => new Map() }' }

const SERVICES: [name: string, args: string[], began: RegExp, wrong: string[]][] = [
  [
    'serve',
    ['--open', '--port', '0', '--transport', 'fetch', '--listen', '0'],
    /kedge serve listening on/,
    ['--certificate', 'none.pem', '--certificate-key', 'none.pem'],
  ],
  ['loader', ['--module', 'module.mjs', '--listen', '0'], /kedge loader answers for/, ['--share', '3/2']],
  [
    'persister',
    ['--module', 'module.mjs', '--listen', '0'],
    /kedge persister writes users/,
    ['--partitions', '-1'],
  ],
]

/** What a name that is looked up too early gives. */
const away = () =>
  Promise.reject(
    new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }),
  )

interface Start extends Surroundings {
  readonly stopAt?: (text: string) => boolean
  readonly onOut?: (text: string) => void
}

/** Runs it until its words match `stopAt`, on a clock that moves when the service sleeps. */
async function run(name: string, args: readonly string[], { stopAt, ...around }: Start): Promise<Ran> {
  const stop = new AbortController()
  const hear = (text: string) => stopAt?.(text) && stop.abort()
  return kedge([name, ...args], {
    files: MODULE,
    stop: stop.signal,
    ...around,
    onOut: (text) => {
      around.onOut?.(text)
      hear(text)
    },
    onErr: hear,
  })
}

/** Nothing answers before the clock shows this many milliseconds. */
function lateBy(ms: number): { clock: Clock; late: Proxy } {
  const clock = new Clock()
  const there = proxy({ topics: TOPICS }, { clock })
  const late: Proxy = { ...there, fetch: (...of) => (clock.ms < NOW + ms ? away() : there.fetch(...of)) }
  return { clock, late }
}

describe.each(SERVICES)('kedge %s', (name, args, began, wrong) => {
  it('waits for a proxy that is not up yet, with a line each 10 s, and then serves', async () => {
    const { clock, late } = lateBy(34_000)
    const { code, out, err } = await run(name, args, {
      fetch: late.fetch,
      runtime: clock.runtime,
      stopAt: (text) => began.test(text),
    })
    const why = 'no answer from http://127.0.0.1:8082 (connection refused: nothing listens there)'
    expect(err.split('\n').filter((line) => line.includes('for the log'))).toEqual([
      `kedge ${name} waits for the log: ${why}`,
      `kedge ${name} has waited 10s for the log: ${why}`,
      `kedge ${name} has waited 20s for the log: ${why}`,
      `kedge ${name} has waited 30s for the log: ${why}`,
    ])
    expect(err).toMatch(new RegExp(`kedge ${name} has reached the log after 3[4-9]s\n`))
    expect(out).toMatch(began)
    expect(code).toBe(0)
  })

  it('is alive and not ready while it waits', async () => {
    const asked: Promise<[number, string]>[] = []
    const stop = new AbortController()
    const { code } = await run(name, args, {
      fetch: away,
      stop: stop.signal,
      onOut: (text) => {
        const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0]
        if (url === undefined) return
        for (const path of ['/healthz', '/readyz', '/lag', '/metrics'])
          asked.push(fetch(url + path).then(async (got) => [got.status, await got.text()]))
        void Promise.all(asked).then(() => stop.abort())
      },
    })
    const answers = await Promise.all(asked)
    expect(answers.map(([status]) => status)).toEqual([200, 503, 503, 503])
    for (const [, body] of answers.slice(1))
      expect(body).toMatch(/not reached the log|waits for the log: no answer/)
    expect(code).toBe(0)
  })

  it('ends the waiting at once on a signal, with 0', async () => {
    const clock = new Clock()
    const { code, out, err } = await run(name, args, {
      fetch: away,
      runtime: clock.runtime,
      stopAt: (text) => text.includes('waits for the log'),
    })
    expect(clock.ms - NOW).toBeLessThan(1000)
    expect(err.match(/\n/g)).toHaveLength(1)
    expect(out).toContain(`kedge ${name} has ended before it reached the log\n`)
    expect(code).toBe(0)
  })

  it.each([401, 403])('ends with 1 at once where the proxy answers %i', async (status) => {
    let asked = 0
    const { code, err } = await run(name, args, {
      fetch: async () => {
        asked++
        return Response.json({ error_code: status, message: 'no' }, { status })
      },
    })
    expect(err).not.toContain('waits')
    expect(asked).toBeLessThan(3)
    expect(code).toBe(1)
  })

  it('ends with 1 at once where the topic is missing', async () => {
    const { code, err } = await run(name, args, { fetch: proxy({ autoCreate: false }).fetch })
    expect(err).toMatch(/there is no topic cache-evictions: `kedge topics create/)
    expect(code).toBe(1)
  })

  it('ends with 2 at once for wrong options, though nothing answers', async () => {
    const { code, err } = await run(name, [...args, ...wrong], { fetch: away })
    expect(err).not.toContain('waits')
    expect(code).toBe(2)
  })
})
