import { afterEach, describe, expect, it, vi } from 'vitest'
import { createDeployment } from '../../worker/deployment.ts'

const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }
const env = {
  KAFKA_REST_URL: 'http://kafka.test',
  KAFKA_FLAVOR: 'gateway',
  AUTH: 'open',
  EVICTION_PARTITIONS: '2',
  EVICTIONS_TOPIC: 'shop.evictions',
}
const get = (path: string) => new Request(`http://worker.test${path}`)

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('createDeployment', () => {
  it('serves what the bindings of the first request say', async () => {
    const worker = createDeployment()
    const answer = await worker.fetch(get('/healthz'), env, context)
    expect(answer.status).toBe(200)
    // Bindings do not change while an isolate lives, so later ones are ignored.
    expect((await worker.fetch(get('/healthz'), {}, context)).status).toBe(200)
  })

  it('has no streams and no dumps where `BULK` is off', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('away')))
    const ask = async (bindings: object) => {
      const answer = await createDeployment().fetch(
        get('/cache/users/dump'),
        { ...env, ...bindings },
        context,
      )
      return ((await answer.json()) as { code: string }).code
    }
    // The route needs proof of freshness; the key of that name has no value.
    expect(await ask({ BULK: 'on' })).toBe('ERR_NOT_READY')
    expect(await ask({ BULK: 'off' })).toBe('ERR_NO_VALUE')
  })

  it('touches neither bindings nor network before the first request', () => {
    vi.stubGlobal('fetch', () => {
      throw new Error('fetched')
    })
    expect(() => createDeployment()).not.toThrow()
  })

  it('refuses to start with wrong bindings, naming them and not their values', async () => {
    const errors: unknown[] = []
    const worker = createDeployment({ onError: (error) => void errors.push(error) })
    const answer = await worker.fetch(get('/healthz'), { ...env, KAFKA_REST_URL: 'secret' }, context)
    expect(answer.status).toBe(500)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ code: 'ERR_MISCONFIGURED' })
    expect(text).toContain('`KAFKA_REST_URL`')
    expect(text).not.toContain('secret')
    expect(errors).toHaveLength(1)
    expect((await worker.fetch(get('/healthz'), env, context)).status).toBe(200)
  })

  it('names a binding that is refused only beside others', async () => {
    const wrong = { ...env, MAX_STALENESS: '10s', REFRESH_AFTER: '11s' }
    const answer = await createDeployment().fetch(get('/healthz'), wrong, context)
    const text = await answer.text()
    expect(text).toContain('`REFRESH_AFTER` is refused')
    expect(text).not.toContain('11s')
  })

  it('writes a heartbeat to every partition when its cron fires', async () => {
    const sent: { url: string; body: unknown }[] = []
    vi.stubGlobal('fetch', async (input: string | URL | Request, init?: RequestInit) => {
      const request = new Request(input, init)
      sent.push({ url: request.url, body: await request.json() })
      const offsets = [0, 1].map((partition) => ({ partition, offset: 7, error_code: null, error: null }))
      return Response.json({ offsets }, { headers: { 'content-type': 'application/vnd.kafka.v2+json' } })
    })
    await createDeployment().scheduled({}, env, context)
    expect(sent).toHaveLength(1)
    expect(sent[0]?.url).toBe('http://kafka.test/topics/shop.evictions')
    expect(sent[0]?.body).toMatchObject({ records: [{ partition: 0 }, { partition: 1 }] })
  })

  it('fails the cron when the heartbeat is not acknowledged', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('reset')))
    await expect(createDeployment().scheduled({}, env, context)).rejects.toMatchObject({ name: 'KedgeError' })
  })
})
