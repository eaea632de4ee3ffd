/** The routes for many through `kedge serve`, in processes of their own, on a gateway with its log in memory. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createCache } from '../../../src/index.ts'
import { gateway as gatewayLog } from '../../../adapters/kafka/gateway.ts'
import { prewarmFrom } from '../../../src/replicate/index.ts'
import { SentEvents } from '../bulk/sse.ts'
import { gateway, kedge } from './program.ts'

const JSON_BODY = { 'content-type': 'application/json' }
const TOKENS = {
  KEDGE_SERVE_READ_TOKENS: 'reader',
  KEDGE_SERVE_WRITE_TOKENS: 'writer',
  KEDGE_SERVE_EVICT_TOKENS: 'evicter',
}
const as = (token: string) => ({ authorization: `Bearer ${token}` })

async function world() {
  const url = await gateway()
  const program = kedge(['serve', '--port', '0', '--namespaces', 'users', '--url', url], TOKENS)
  const server = (await program.says(/listening on (http:\S+)/))[1]!
  await expect.poll(async () => (await fetch(`${server}/readyz`)).status).toBe(200)
  const put = async (key: string, value: unknown) => {
    const body = JSON.stringify({ value, tags: ['all'] })
    const address = `${server}/cache/users/${encodeURIComponent(key)}`
    const answer = await fetch(address, { method: 'PUT', body, headers: { ...JSON_BODY, ...as('writer') } })
    expect(answer.status).toBe(200)
  }
  const evict = async (what: object) => {
    const body = JSON.stringify(what)
    const answer = await fetch(`${server}/evictions`, {
      method: 'POST',
      body,
      headers: { ...JSON_BODY, ...as('evicter') },
    })
    return ((await answer.json()) as { token: string }).token
  }
  const follow = async (after?: string) => {
    const headers = { ...as('reader'), ...(after !== undefined && { 'last-event-id': after }) }
    const events = new SentEvents(await fetch(`${server}/cache/users/events`, { headers }))
    onTestFinished(() => events.cancel())
    return events
  }
  return { url, server, program, put, evict, follow }
}

describe('`kedge serve`', () => {
  it('streams evictions, goes on after an id, and ends its streams before it stops', async () => {
    const { server, program, evict, follow } = await world()
    expect((await fetch(`${server}/cache/users/events`)).status).toBe(401)
    const stream = await follow()
    await expect.poll(() => stream.events.length).toBe(1)
    const began = performance.now()
    const token = await evict({ namespace: 'users', keys: ['7'] })
    await expect.poll(() => stream.events.length).toBe(2)
    // By a long poll, and not when the next proof is due.
    expect(performance.now() - began).toBeLessThan(15_000)
    expect(stream.events[1]).toMatchObject({ event: 'evict', id: token, data: { keys: ['7'] } })
    await stream.cancel()
    await evict({ namespace: 'users', tags: ['t'] })
    const again = await follow(token)
    await expect.poll(() => again.events.length).toBe(2)
    expect(again.events).toMatchObject([
      { event: 'resume', id: token },
      { event: 'evict', data: { tags: ['t'] } },
    ])
    program.child.kill('SIGTERM')
    expect((await program.ended).code).toBe(0)
    await again.done
    expect(again.state).toBe('ended')
  })

  it('has no streams and no dumps with --bulk off', async () => {
    const url = await gateway()
    const program = kedge(['serve', '--port', '0', '--open', '--bulk', 'off', '--url', url], {})
    const server = (await program.says(/listening on (http:\S+)/))[1]!
    await expect.poll(async () => (await fetch(`${server}/readyz`)).status).toBe(200)
    for (const path of ['events', 'dump'])
      expect(await (await fetch(`${server}/cache/users/${path}`)).json()).toMatchObject({
        code: 'ERR_NO_VALUE',
      })
  })

  it('fills a process that begins, which then drops what is evicted', async () => {
    const { url, server, put, evict } = await world()
    for (const [key, value] of [
      ['1', { name: 'Ada' }],
      ['eu/2', [1, 'é']],
      ['3', null],
    ] as const)
      await put(key, value)
    const cache = createCache({ kafka: gatewayLog({ url }) })
    onTestFinished(() => cache.close())
    const users = cache.namespace('users')
    const wrong = await prewarmFrom(cache, { url: server, token: 'nobody' })
    expect(wrong).toMatchObject({ applied: 0, complete: false, error: { code: 'ERR_AUTH' } })
    const result = await prewarmFrom(cache, { url: server, token: 'reader', budget: '20s' })
    expect(result).toMatchObject({ values: 3, applied: 3, refused: 0, complete: true })
    expect([users.peek('1'), users.peek('eu/2'), users.peek('3')]).toEqual([{ name: 'Ada' }, [1, 'é'], null])
    const token = await evict({ namespace: 'users', prefix: 'eu/' })
    expect(await users.get('eu/2', { after: token })).toBeUndefined()
    expect(await users.get('1', { after: token })).toEqual({ name: 'Ada' })
  })
})
