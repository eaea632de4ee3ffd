import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from './miniflare-client.ts'
import { until } from './miniflare-until.ts'
import { EVICTIONS, startWorld } from './miniflare-world.ts'
import type { World } from './miniflare-world.ts'

const IMPATIENT = { MAX_STALENESS: '500ms', POLL_TIMEOUT: '300ms', MAX_OUTAGE: '4s' }

let world: World
const clients = new Map<'stale' | 'bypass' | 'throw', Client>()
const client = (how: 'stale' | 'bypass' | 'throw'): Client => clients.get(how)!

beforeAll(async () => {
  world = await startWorld({ row: 'old', evicted: 'old' })
  for (const how of ['stale', 'bypass', 'throw'] as const)
    clients.set(how, await world.isolate({ bindings: { ...IMPATIENT, ON_UNREACHABLE: how } }))
})
afterAll(() => world.close())

/** In a word what became of a read. */
async function fate(reader: Client, key: string): Promise<string> {
  const { status, cacheStatus, body } = await reader.read(key)
  if (status !== 200) return `${status} ${(body as { code: string }).code}`
  if (cacheStatus.includes('detail=unreachable')) return 'unreachable'
  return cacheStatus.includes('hit') ? 'hit' : cacheStatus
}

/** What becomes of reads until the expected outcome, each change once. */
async function fates(reader: Client, key: string, last: string): Promise<string[]> {
  const seen: string[] = []
  await until(
    async () => {
      const now = await fate(reader, key)
      if (seen.at(-1) !== now) seen.push(now)
      return now === last
    },
    `${last}, after ${seen.join(', ')}`,
  )
  return seen
}

/** The value that is read as soon as there is an answer with one. */
function valueOf(reader: Client, key: string, after: string): Promise<unknown> {
  return until(async () => {
    const { status, value } = await reader.read(key, { after })
    return status === 200 && value
  }, `${key} is read`)
}

describe('the log stops', () => {
  it('and what is held is served for as long as it is proved, then as configured', async () => {
    for (const each of clients.values()) {
      for (const key of ['row', 'evicted']) await fates(each, key, 'hit')
    }
    await world.gateway.pause()
    // A writer that still reaches Kafka evicts meanwhile.
    world.source.rows.set('evicted', 'new')
    const message = JSON.stringify({ v: 1, op: 'evict', ns: 'rows', keys: ['evicted'] })
    world.gateway.log.append(EVICTIONS, { key: null, value: new TextEncoder().encode(message) })

    const [stale, bypass, thrown] = await Promise.all([
      fates(client('stale'), 'row', 'kedge; fwd=bypass'),
      fates(client('bypass'), 'row', 'kedge; fwd=bypass'),
      fates(client('throw'), 'row', '503 ERR_UNREACHABLE'),
    ])
    expect(stale.filter((each) => each !== 'hit')).toEqual(['unreachable', 'kedge; fwd=bypass'])
    expect(bypass.filter((each) => each !== 'hit')).toEqual(['kedge; fwd=bypass'])
    expect(thrown.filter((each) => each !== 'hit')).toEqual(['503 ERR_UNREACHABLE'])
  })

  it('and a bypass reads the origin each time', async () => {
    for (const how of ['stale', 'bypass'] as const) {
      const before = world.source.reads('row')
      for (let nth = 0; nth < 3; nth++) expect(await fate(client(how), 'row')).toBe('kedge; fwd=bypass')
      expect(world.source.reads('row')).toBe(before + 3)
    }
  })

  it('and a value that is not held is still loaded', async () => {
    world.source.rows.set('unseen', 'row')
    for (const each of clients.values()) {
      const { status, value } = await each.read('unseen')
      expect([status, value]).toEqual([200, 'row'])
    }
  })

  it('and evictions are refused with the word to repeat them, readiness is denied, and the process lives', async () => {
    for (const each of clients.values()) {
      const evictions = [
        each.ask('/cache/rows/row', { method: 'DELETE' }),
        each.ask('/evictions', { method: 'POST', body: { namespace: 'rows', tags: ['some'] } }),
        // Committed at the origin, and its eviction unknown: the answer must say so.
        each.ask('/cache/rows/row', { method: 'PUT', body: { value: 'written' } }),
      ]
      for (const { status, body, headers } of await Promise.all(evictions)) {
        expect([status, (body as { code: string }).code]).toEqual([503, 'ERR_PUBLISH'])
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      }
      expect((await each.ask('/readyz')).status).toBe(503)
      expect((await each.ask('/healthz')).status).toBe(200)
    }
  })

  it('and comes back: everything is as before, and no eviction was missed', async () => {
    await world.gateway.resume()
    for (const each of clients.values()) {
      await until(async () => (await each.ask('/readyz')).status === 200, 'the isolate is ready again')
      const token = await each.evict('other')
      expect(await valueOf(each, 'evicted', token)).toBe('new')
      for (const key of ['row', 'evicted']) await fates(each, key, 'hit')
      expect(await valueOf(each, 'row', token)).toBe('written')
    }
  })
})
