/** The deployable worker with signed messages: by its bindings, over a gateway, with a forger beside. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createGateway, memoryCluster } from '../../services/gateway/index.ts'
import { MemoryLog } from '../../src/testing/index.ts'
import type { SignatureEvent } from '../../src/signing/index.ts'
import { readBindings } from '../../worker/bindings.ts'
import { createDeployment } from '../../worker/deployment.ts'

const SECRET = Buffer.alloc(32, 3).toString('base64')
const least = {
  KAFKA_REST_URL: 'http://kafka.test',
  KAFKA_FLAVOR: 'gateway',
  AUTH: 'open',
  REFRESH_AFTER: '0ms',
}
const signing = (env: object) => readBindings({ ...least, ...env }).signing

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('bindings', () => {
  it('sign nothing by themselves', () => {
    expect([signing({}), signing({ SIGN: 'off' })]).toEqual([undefined, undefined])
    expect(signing({ SIGN: 'off', SIGN_KEYS: `k1:${SECRET}` })).toBeUndefined()
  })

  it('sign and warn where there are keys, and require where they say so', () => {
    const SIGN_KEYS = `k2:${SECRET},k1:${SECRET}`
    const keys = [
      { id: 'k2', secret: SECRET },
      { id: 'k1', secret: SECRET },
    ]
    expect(signing({ SIGN_KEYS, UPDATES_TOPIC: 'u' })).toEqual({
      keys,
      sign: 'warn',
      evictions: 'warn',
      topics: { evictions: 'cache-evictions', updates: 'u' },
    })
    const required = { SIGN_KEYS, SIGN: 'require', SIGN_EVICTIONS: 'warn' }
    expect(signing(required)).toMatchObject({ sign: 'require', evictions: 'warn' })
  })

  it.each([
    [{ SIGN: 'require' }, '`SIGN` needs `SIGN_KEYS`.'],
    [{ SIGN: 'yes' }, '`SIGN` must be one of'],
    [{ SIGN_EVICTIONS: 'yes' }, '`SIGN_EVICTIONS` must be one of'],
    [{ SIGN_KEYS: 'hunter2' }, '`SIGN_KEYS` must be a comma list of keys'],
  ])('are refused: %j', (env, fault) => {
    expect(() => signing(env)).toThrow(fault)
    expect(() => signing(env)).not.toThrow('hunter2')
  })
})

const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }

function world(env: object) {
  const log = new MemoryLog()
  const gateway = createGateway({ cluster: memoryCluster(log) })
  vi.stubGlobal('fetch', async (input: RequestInfo | URL, init?: RequestInit) =>
    gateway.fetch(new Request(input, init)),
  )
  const unsigned: SignatureEvent[] = []
  const isolate = () => {
    const worker = createDeployment({ onUnsigned: (event) => void unsigned.push(event) })
    const ask = async (method: string, path: string, body?: string) =>
      worker.fetch(
        new Request(`http://worker.test${path}`, {
          method,
          ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
        }),
        { ...least, ...env },
        context,
      )
    return { ask, cron: () => worker.scheduled({}, { ...least, ...env }, context) }
  }
  return { log, isolate, unsigned }
}

it('a worker obeys what another has signed, and nothing of a stranger', async () => {
  const { log, isolate, unsigned } = world({ SIGN: 'require', SIGN_KEYS: `k1:${SECRET}` })
  const [here, there] = [isolate(), isolate()]
  await here.ask('PUT', '/cache/users/7', '{"value":"Ada"}')
  const held = async () => (await here.ask('GET', '/cache/users/7')).status
  expect(await held()).toBe(200)
  log.append('cache-evictions', { key: null, value: new TextEncoder().encode('{"v":1,"op":"clear"}') })
  await vi.waitFor(async () => {
    expect(await held()).toBe(200)
    expect(unsigned).toMatchObject([{ topic: 'cache-evictions', why: 'missing', refused: true }])
  })
  expect(await held()).toBe(200)
  expect((await there.ask('DELETE', '/cache/users/7')).status).toBeLessThan(300)
  await vi.waitFor(async () => expect(await held()).toBe(404), { timeout: 5000, interval: 50 })
})

it('its heartbeats are signed', async () => {
  const { log, isolate } = world({ SIGN_KEYS: `k1:${SECRET}` })
  await isolate().cron()
  const { records } = log.read(
    'cache-evictions',
    { partition: 0, offset: 0 },
    { maxBytes: 1e6, isolation: 'uncommitted' },
  )!
  expect(new TextDecoder().decode(records[0]!.value!)).toMatch(/"op":"beat".*,"sig":"k1\./)
})

it('a secret that is too short is refused by the name of its variable', async () => {
  const answer = await world({ SIGN_KEYS: 'k1:aHVudGVyMg==' }).isolate().ask('GET', '/healthz')
  const text = await answer.text()
  expect([answer.status, text]).toEqual([500, expect.stringContaining('`SIGN_KEYS` is refused')])
  expect(text).not.toContain('aHVudGVyMg')
})
