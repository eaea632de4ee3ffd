/** The cron in workerd: the worker as it is deployed, its scheduled handler called as the platform calls it. */
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway } from '../../services/gateway/index.ts'
import type { RunningGateway } from '../../services/gateway/index.ts'
import { bundle } from '../runtime/bundle.ts'

const WORKER = new URL('../../worker/cloudflare.ts', import.meta.url)
const EVICTIONS = 'cache-evictions'
const UPDATES = 'cache-updates'

let gateway: RunningGateway
let code: string
const isolates: Miniflare[] = []
beforeAll(async () => {
  gateway = await startGateway({ memory: { topics: { [EVICTIONS]: 1, [UPDATES]: 1 } } })
  code = (await bundle(WORKER, { external: ['cloudflare:*'] })).code
})
afterAll(async () => {
  await Promise.all(isolates.map((each) => each.dispose()))
  await gateway.close()
})

function isolate(mode: string): Miniflare {
  const made = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.js', contents: code }],
    bindings: {
      KAFKA_REST_URL: gateway.url,
      KAFKA_FLAVOR: 'gateway',
      MODE: mode,
      AUTH: 'open',
      // A value is taken over only in a namespace that is declared.
      NAMESPACES: 'prices',
      // No poll comes on its own, and a poll that is asked for may be slow.
      MAX_STALENESS: '1h',
      POLL_TIMEOUT: '10s',
    },
    compatibilityDate: '2026-06-01',
    host: '127.0.0.1',
    port: 0,
    cf: false,
  })
  isolates.push(made)
  return made
}

const ask = async (one: Miniflare, path: string, init: { method?: string; body?: string } = {}) => {
  const answer = await one.dispatchFetch(`http://worker.test${path}`, {
    ...init,
    headers: { 'content-type': 'application/json' },
  })
  return { status: answer.status, cacheStatus: answer.headers.get('cache-status'), text: await answer.text() }
}

/** Calls the handler as the platform does; how the run ended. */
async function cron(one: Miniflare): Promise<string> {
  // Miniflare types its answer by types of workerd that are not here.
  const worker = (await one.getWorker()) as unknown as {
    scheduled(options: { readonly cron: string }): Promise<{ readonly outcome: string }>
  }
  return (await worker.scheduled({ cron: '17 */6 * * *' })).outcome
}

async function end(topic: string): Promise<number> {
  const answer = await fetch(`${gateway.url}/topics/${topic}/partitions/0/offsets`)
  return ((await answer.json()) as { end_offset: number }).end_offset
}

describe('the cron of the worker in workerd', () => {
  it('beats, and fills its isolate with what others have put', async () => {
    const one = isolate('replicate')
    const put = await ask(one, '/cache/prices/tea', { method: 'PUT', body: '{"value":3}' })
    expect(put.status).toBe(200)
    const other = isolate('replicate')
    const before = await end(EVICTIONS)
    expect(await cron(other)).toBe('ok')
    expect(await end(EVICTIONS)).toBe(before + 1)
    const read = await ask(other, '/cache/prices/tea')
    expect(read).toMatchObject({ status: 200, cacheStatus: expect.stringContaining('hit') })
    expect(JSON.parse(read.text)).toMatchObject({ value: 3 })
  })

  it('leaves an isolate as it is whose values are not in the log', async () => {
    const one = isolate('invalidate')
    expect(await cron(one)).toBe('ok')
    expect((await ask(one, '/cache/prices/tea')).status).toBe(404)
  })
})
