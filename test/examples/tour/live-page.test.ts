import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import type { HttpBindings } from '@hono/node-server'
import { addTourPage } from '../../../examples/tour/live-page.ts'
import { serveApp } from '../../../examples/tour/server.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
/** No server listens there. */
const NOBODY = 'http://127.0.0.1:1'
const places = { a: NOBODY, b: NOBODY, origin: NOBODY, switch: NOBODY, log: NOBODY }

/** A worker that takes evictions, and remembers what it was sent. */
async function evicting(answer: () => Response) {
  const seen: unknown[] = []
  const app = new Hono()
  app.post('/evictions', async (c) => {
    seen.push({ type: c.req.header('content-type'), body: await c.req.json() })
    return answer()
  })
  return { ...(await serveApp(app, { port: 0, orAnother: true })), seen }
}

function asked(remote = '127.0.0.1') {
  const app = new Hono<{ Bindings: HttpBindings }>()
  const show = addTourPage(app as unknown as Hono, () => true)
  const env = { incoming: { socket: { remoteAddress: remote } } }
  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { host: '127.0.0.1:8791', ...(init.headers as Record<string, string>) }
    return app.request(path, { ...init, headers }, env)
  }
  return { show, ask }
}

const eviction = { namespace: 'airports', keys: ['KEF'] }
const evict = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(eviction) }

describe('the live page of the tour', () => {
  it('is there before the tour begins, and tells who asks so early to come again', async () => {
    const { show, ask } = asked()
    expect((await ask('/ui')).status).toBe(200)
    for (const path of ['/ui/events', '/ui/state']) {
      const early = await ask(path)
      expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1'])
    }
    expect((await ask('/evictions', evict)).status).toBe(503)
    show(places)
    expect((await ask('/ui/events', { method: 'HEAD' })).status).toBe(200)
  })

  it('evicts by a worker, and answers what that has answered', async () => {
    const worker = await evicting(() => Response.json({ token: 'k1.0-7' }))
    const { show, ask } = asked()
    show({ ...places, a: worker.url })
    expect(await (await ask('/ui/state')).json()).toMatchObject({ evicts: { by: 'serve' } })
    const answer = await ask('/evictions', evict)
    expect([answer.status, await answer.json()]).toEqual([200, { token: 'k1.0-7' }])
    expect(worker.seen).toEqual([{ type: 'application/json', body: eviction }])
    await worker.close()
  })

  it('says what the worker has refused, and that it does not answer', async () => {
    const problem = { code: 'ERR_PUBLISH', detail: 'Kafka did not acknowledge the write' }
    const worker = await evicting(() => Response.json(problem, { status: 503 }))
    const { show, ask } = asked()
    show({ ...places, a: worker.url })
    const refused = await ask('/evictions', evict)
    expect([refused.status, await refused.json()]).toEqual([503, problem])
    await worker.close()
    const silent = await ask('/evictions', evict)
    expect([silent.status, await silent.json()]).toEqual([
      502,
      { error: expect.stringContaining('Worker A does not answer') },
    ])
  })

  it.each([
    ['another machine', '192.0.2.7', {}],
    ['a page of another origin', '127.0.0.1', { 'sec-fetch-site': 'cross-site' }],
    ['a page whose name leads to this machine', '127.0.0.1', { host: 'evil.example' }],
  ])('evicts nothing for %s, and shows it nothing', async (_who, remote, headers) => {
    const worker = await evicting(() => Response.json({ token: 'k1.0-7' }))
    const { show, ask } = asked(remote)
    show({ ...places, a: worker.url })
    const send = { ...evict, headers: { ...JSON_TYPE, ...headers } }
    expect((await ask('/evictions', send)).status).toBe(403)
    expect((await ask('/ui/state', { headers })).status).toBe(403)
    expect(worker.seen).toEqual([])
    await worker.close()
  })
})
