import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { type Broker, startBroker, withoutKafka } from '../kafka/broker.ts'
import { kedge as run } from './harness.ts'
import type { Surroundings } from './harness.ts'

/** As the process runs it. */
const kedge = (args: readonly string[], around: Surroundings = {}) =>
  run(args, { runtime: systemRuntime(), fetch, connect: kafkaCluster, ...around })

describe.skipIf(withoutKafka())('kedge on a real broker', () => {
  let broker: Broker
  beforeAll(async () => {
    broker = await startBroker()
  })
  afterAll(() => broker?.stop())

  it('makes topics that it finds nothing wrong with', async () => {
    const on = ['--brokers', broker.bootstrap]
    expect((await kedge(['topics', 'check', ...on])).code).toBe(1)
    const created = await kedge(['topics', 'create', ...on, '--ttl', '4h'])
    expect([created.code, created.err]).toEqual([0, `asking ${broker.bootstrap} …\n`])
    expect(created.out.match(/ created: /g)).toHaveLength(3)
    const again = await kedge(['topics', 'create', ...on])
    expect(again.out.match(/exists already/g)).toHaveLength(3)
    const checked = await kedge(['topics', 'check', ...on, '--ttl', '4h'])
    expect(checked.out).toContain('no problems, no warnings')
    expect(checked.code).toBe(0)
    const longer = await kedge(['topics', 'check', ...on, '--ttl', '12h'])
    expect(longer.out).toContain('kept for 1d 16h, and should be for 5d')
  })

  it('evicts and reads through its gateway, with which the doctor finds nothing wrong', async () => {
    await kedge(['topics', 'create', '--brokers', broker.bootstrap])
    const stop = new AbortController()
    let gateway!: ReturnType<typeof kedge>
    const url = await new Promise<string>((resolve, reject) => {
      gateway = kedge(['gateway', '--port', '0', '--brokers', broker.bootstrap, '--open'], {
        stop: stop.signal,
        onOut: (text) => {
          const found = /http:\S+/.exec(text)
          if (found) resolve(found[0])
        },
      })
      void gateway.then(({ err }) => reject(new Error(err)))
    })
    const env = { KEDGE_URL: url }
    const doctor = await kedge(['doctor', '--brokers', broker.bootstrap], { env })
    expect(doctor.out).toContain('no problems, no warnings')
    const { out: token } = await kedge(['evict', 'users', '--key', '7'], { env })
    expect(token).toBe('k1.0-3\n')
    const tail = await kedge(['tail'], { env })
    expect(tail.out).toBe('0@0     beat\n0@1     beat\n0@2     evict  users  key 7\n')
    const examined = await kedge(['doctor', '--brokers', broker.bootstrap, '--token', token.trim()])
    expect(examined.out).toContain('the latest eviction')
    stop.abort()
    const { code, out, err } = await gateway
    expect([code, err]).toEqual([0, expect.stringContaining('open: everybody')])
    expect(out).toMatch(/listening on .* \(log: kafka\)\n.*cluster .* of 1 broker\n/)
  })

  it('has the audits of its gateway and of a server in one topic, which verify', async () => {
    const direct = kafkaCluster({ brokers: [broker.bootstrap] })
    await direct.createTopic('cache-evictions', { partitions: 1 }).catch(() => undefined)
    await direct.createTopic('cache-audit', { partitions: 1 })
    const key = 'sixteen-letters!sixteen-letters!'
    const listening = async (args: readonly string[], env: Record<string, string>) => {
      const stop = new AbortController()
      let ran!: ReturnType<typeof kedge>
      const url = await new Promise<string>((resolve, reject) => {
        ran = kedge([...args, '--port', '0', '--audit', 'topic'], {
          env,
          stop: stop.signal,
          onOut: (text) => {
            const found = /listening on (http:\S+)/.exec(text)?.[1]
            if (found !== undefined) resolve(found)
          },
        })
        void ran.then(({ err }) => reject(new Error(err)))
      })
      const end = async () => {
        stop.abort()
        return ran
      }
      return { url, end }
    }
    const gateway = await listening(['gateway', '--brokers', broker.bootstrap], {
      KEDGE_GATEWAY_TOKEN: 'gateway-token',
      KEDGE_GATEWAY_AUDIT_KEY: key,
    })
    const server = await listening(['serve', '--url', gateway.url, '--transport', 'fetch'], {
      KEDGE_AUTH_TOKEN: 'gateway-token',
      KEDGE_SERVE_EVICT_TOKENS: 'evict-token',
      KEDGE_SERVE_AUDIT_KEY: key,
    })
    const evict = (token: string) =>
      fetch(`${server.url}/cache/users/a-key`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${token}`, 'x-request-id': 'r-7' },
      })
    expect((await evict('evict-token')).status).toBe(200)
    expect((await evict('wrong-token')).status).toBe(401)
    for (const each of [server, gateway]) expect(await each.end()).toMatchObject({ code: 0, err: '' })
    const { records } = await direct.read([{ topic: 'cache-audit', partition: 0, offset: 0 }], {
      maxBytes: 1e6,
      waitMs: 1000,
    })
    await direct.close()
    const texts = records.map(({ value }) => Buffer.from(value!).toString())
    const entries = texts.map(
      (text) => JSON.parse(text) as { act: string; topic?: string; requestId: string },
    )
    expect(entries).toContainEqual(
      expect.objectContaining({
        act: 'evict',
        namespace: 'users',
        requestId: 'r-7',
        outcome: 'ok',
        remote: '127.0.0.1',
      }),
    )
    expect(entries).toContainEqual(
      expect.objectContaining({ act: 'show-credential', outcome: 'wrong-credential' }),
    )
    expect(entries).toContainEqual(
      expect.objectContaining({ act: 'write', topic: 'cache-evictions', outcome: 'ok' }),
    )
    // The gateway's own writes are no entries; those of the server's audit, its client, are.
    expect(
      entries.filter(({ act, topic }) => act === 'write' && topic === 'cache-audit').length,
    ).toBeLessThanOrEqual(2)
    expect(texts.join()).not.toMatch(/a-key|wrong-token|evict-token|gateway-token/)
    const around = { env: { KEDGE_SERVE_AUDIT_KEY: key }, files: { lines: texts.join('\n') } }
    expect((await kedge(['audit', 'verify', 'lines'], around)).out).toBe(
      `all ${texts.length} lines are as they were written\n`,
    )
  })

  it('says that credentials are refused', async () => {
    const { code, out, err } = await kedge(
      ['topics', 'check', '--brokers', broker.bootstrap, '--sasl-username', 'me'],
      { env: { KEDGE_SASL_PASSWORD: 'hunter2' } },
    )
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^asking [^\n]*\nkedge: [^\n]*the credentials are refused[^\n]*\n$/)
    expect(err).not.toContain('hunter2')
  })
})
