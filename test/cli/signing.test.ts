/** Signed messages on the command line: who has the key may evict, and what has no signature is shown. */
import { describe, expect, it } from 'vitest'
import { createCache, systemRuntime } from '../../src/index.ts'
import type { KafkaLog } from '../../src/index.ts'
import { ResolvedSettings } from '../../cli/resolved-settings.ts'
import type { Session } from '../../cli/session.ts'
import { ProcessMetrics } from '../../cli/metrics/process-metrics.ts'
import { signatureMetrics } from '../../cli/metrics/signature-metrics.ts'
import { signedLog } from '../../cli/signed-log.ts'
import { signed, signingKeys } from '../../src/signing/index.ts'
import { memory } from '../../src/testing/memory.ts'
import { kedge as run, proxy } from './harness.ts'
import type { Proxy, Surroundings } from './harness.ts'

const SECRET = Buffer.alloc(32, 1).toString('base64')
const OTHER = Buffer.alloc(32, 2).toString('base64')
const REQUIRED = { KEDGE_SIGN: 'require', KEDGE_SIGN_KEYS: `k1:${SECRET}` }

const kedge = (args: readonly string[], at: Proxy, around: Surroundings = {}) =>
  run(args, { fetch: at.fetch, runtime: systemRuntime(), ...around })

const encoder = new TextEncoder()
const forge = ({ log }: Proxy, message: object, topic = 'cache-evictions', key = 'users') =>
  log.append(topic, { key: encoder.encode(key), value: encoder.encode(JSON.stringify(message)) })

describe('kedge evict', () => {
  it('is obeyed where a signature is required, and only with the key', async () => {
    const at = proxy()
    const kafka = signed(memory({ on: at.log }), { keys: signingKeys(`k1:${SECRET}`), sign: 'require' })
    const cache = createCache({ kafka })
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('7', () => 'Ada')
    const evict = ['evict', 'users', '--key', '7']
    for (const env of [{}, { KEDGE_SIGN_KEYS: `k1:${OTHER}` }, { ...REQUIRED, KEDGE_SIGN: 'off' }]) {
      expect((await kedge(evict, at, { env })).code).toBe(0)
      await cache.sync()
      expect(users.peek('7')).toBe('Ada')
    }
    expect(await kedge(evict, at, { env: REQUIRED })).toMatchObject({ code: 0, err: '' })
    await cache.sync()
    expect(users.peek('7')).toBeUndefined()
    expect(kafka.signatures()).toMatchObject({ verified: 1, refused: 3 })
    await cache.close()
  })

  it('signs where there are keys, without another word', async () => {
    const at = proxy()
    const env = { KEDGE_SIGN_KEYS: `k2:${OTHER},k1:${SECRET}` }
    await kedge(['evict', '--everything'], at, { env })
    const { records } = at.log.read(
      'cache-evictions',
      { partition: 0, offset: 0 },
      { maxBytes: 1e6, isolation: 'uncommitted' },
    )!
    expect(new TextDecoder().decode(records[0]!.value!)).toMatch(
      /^\{"v":1,"op":"clear","sig":"k2\.\d+\.[\w-]{43}"\}$/,
    )
  })
})

describe('kedge tail', () => {
  it('shows what has no signature, and says so', async () => {
    const at = proxy()
    await kedge(['evict', 'users', '--key', '7'], at, { env: REQUIRED })
    forge(at, { v: 1, op: 'evict', ns: 'users', keys: ['8'] })
    await kedge(['evict', 'users', '--key', '9'], at, { env: { KEDGE_SIGN_KEYS: `k2:${OTHER}` } })
    const { code, out, err } = await kedge(['tail'], at, { env: REQUIRED })
    expect(out.split('\n').filter((line) => /\b[789]\b.*/.test(line))).toHaveLength(3)
    expect(err.trim().split('\n')).toEqual([
      'kedge: cache-evictions 0@1 has no signature: accepted',
      'kedge: cache-evictions 0@2 has a signature of a key that is not known here (k2): accepted',
    ])
    expect(code).toBe(0)
  })
})

it('kedge doctor finds nothing wrong with a log whose messages it signs', async () => {
  const { out } = await kedge(['doctor'], proxy({}, { date: () => Date.now() }), { env: REQUIRED })
  expect(out).toMatch(/^ok +write/m)
  expect(out).toMatch(/^ok +read/m)
  expect(out).not.toContain('PROBLEM  read')
})

describe('kedge get', () => {
  it('shows a value that has no signature, and says so', async () => {
    const at = proxy()
    const put = {
      v: 1,
      op: 'put',
      ns: 'users',
      key: '7',
      value: 'Mallory',
      ttl: 1e9,
      at: Date.now(),
      asOf: 0,
    }
    forge(at, put, 'cache-updates', 'users/7')
    const { out, err } = await kedge(['get', 'users', '7'], at, { env: REQUIRED })
    expect(out).toContain('Mallory')
    expect(err).toContain('cache-updates 0@0 has no signature: accepted')
  })
})

describe('settings that do not go together are refused', () => {
  it.each([
    [{ KEDGE_SIGN: 'require' }, '--sign needs keys: set KEDGE_SIGN_KEYS'],
    [{ KEDGE_SIGN: 'warn', KEDGE_SIGN_KEYS: 'hunter2' }, '`keys`: must be a comma list'],
    [{ KEDGE_SIGN: 'warn', KEDGE_SIGN_KEYS: 'k1:hunter2' }, '`keys.0.secret`: must be 32 to 256 bytes'],
    [{ KEDGE_SIGN: 'always', KEDGE_SIGN_KEYS: `k1:${SECRET}` }, 'must be one of off, warn, require'],
  ])('%j', async (env, says) => {
    const { code, err } = await kedge(['evict', 'users', '--all'], proxy(), { env })
    expect(code).toBe(2)
    expect(err).toContain(says)
    expect(err).not.toContain('hunter2')
  })
})

it('a key is no flag', async () => {
  const { code, err } = await kedge(['tail', '--sign-keys', `k1:${SECRET}`], proxy())
  expect([code, err.includes(SECRET)]).toEqual([2, false])
})

it('a key is hidden where a stranger quotes it', async () => {
  const fetch = async () => Response.json({ error_code: 400, message: `what is ${SECRET}?` }, { status: 400 })
  const { err } = await kedge(['evict', 'users', '--all'], proxy(), { env: REQUIRED, fetch })
  expect(err).toContain('***')
  expect(err).not.toContain(SECRET)
})

describe('the metrics of a service', () => {
  const metricsOf = async (log: KafkaLog) => {
    const metrics = await ProcessMetrics.of('sync', { version: '1.2.3' } as Session)
    signatureMetrics(metrics, log)
    return metrics.text()
  }

  it('have what its log has counted of signatures', async () => {
    const log = signed(memory(), { keys: signingKeys(`k1:${SECRET}`), sign: 'require' })
    await log.produce('cache-evictions', [{ key: null, value: encoder.encode('{"key":"7"}') }])
    const text = await metricsOf(log)
    expect(text).toContain('kedge_build_info{version="1.2.3",command="sync"')
    expect(text).toContain('kedge_signatures_total{outcome="signed"} 1\n')
    expect(text).toContain('kedge_signatures_total{outcome="refused"} 0\n')
  })

  it('have nothing of them where nothing is signed', async () => {
    expect(await metricsOf(memory())).not.toContain('kedge_signatures_total')
  })
})

it('a service reports once a minute what it refuses: a stranger may write many', async () => {
  const at = proxy()
  const warned: string[] = []
  let now = 0
  const tell = (_level: string, _event: string, text: string) => void warned.push(text)
  const terminal = { hide: () => undefined, tell }
  const session = { terminal, runtime: systemRuntime({ monotonic: () => now }) } as unknown as Session
  const values = new ResolvedSettings(
    new Map(
      Object.entries({ sign: 'require', signKeys: `k1:${SECRET}` }).map(([path, value]) => [
        path,
        { value, source: 'environment' as const },
      ]),
    ),
  )
  const log = signedLog(memory({ on: at.log }), values, session)
  for (let n = 0; n < 50; n++) forge(at, { key: '7' })
  const read = () =>
    log.read('cache-evictions', [{ partition: 0, offset: 0 }], {
      maxBytes: 1e6,
      waitMs: 0,
      isolation: 'uncommitted',
    })
  await read()
  now = 60_000
  await read()
  expect(warned).toEqual([
    'kedge: cache-evictions 0@0 has no signature: refused',
    'kedge: cache-evictions 0@0 has no signature: refused, and 49 more since the last report',
  ])
})
