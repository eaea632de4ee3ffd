/** Bearer tokens for brokers, and sessions that brokers end: on a real broker, with a token endpoint on the loopback. */
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clientCredentials } from '../../services/gateway/index.ts'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import type { KafkaOptions, KafkaSasl } from '../../services/gateway/kafka/index.ts'
import { Refusal } from '../../services/gateway/refusal.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'

const MODULES = 'org.apache.kafka.common.security'
const SESSION_MS = 1000

const part = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url')
/** An unsecured JWS (RFC 7515, appendix A.5), as Kafka's login module for tests takes. */
const unsecured = (claims: object = {}): string => {
  const now = Math.floor(Date.now() / 1000)
  return `${part({ alg: 'none' })}.${part({ sub: 'edge', iat: now, exp: now + 3600, ...claims })}.`
}

describe.skipIf(withoutKafka())('A cluster that demands bearer tokens', () => {
  let broker: Broker
  let server: Server
  let tokenUrl: string
  let asked = 0
  let refuses = false

  beforeAll(async () => {
    server = createServer((_request, response) => {
      asked++
      if (refuses) response.writeHead(401).end('{"error":"invalid_client"}')
      else response.end(JSON.stringify({ access_token: unsecured(), token_type: 'Bearer', expires_in: 3600 }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
    const module = `${MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`
    broker = await startBroker({
      listeners: { BEARER: 'SASL_PLAINTEXT', SHORT: 'SASL_PLAINTEXT', BRIEF: 'SASL_PLAINTEXT' },
      properties: {
        'sasl.enabled.mechanisms': 'OAUTHBEARER,PLAIN',
        'listener.name.bearer.oauthbearer.sasl.jaas.config': module,
        'listener.name.short.oauthbearer.sasl.jaas.config': module,
        'listener.name.short.oauthbearer.connections.max.reauth.ms': String(SESSION_MS),
        'listener.name.brief.plain.sasl.jaas.config': `${MODULES}.plain.PlainLoginModule required user_edge="pw";`,
        'listener.name.brief.plain.connections.max.reauth.ms': String(SESSION_MS),
        'listener.name.bearer.sasl.enabled.mechanisms': 'OAUTHBEARER',
        'listener.name.short.sasl.enabled.mechanisms': 'OAUTHBEARER',
        'listener.name.brief.sasl.enabled.mechanisms': 'PLAIN',
      },
    })
  })

  afterAll(async () => {
    server?.close()
    await broker?.stop()
  })

  const at = (listener: string, sasl: KafkaSasl, options: Partial<KafkaOptions> = {}) =>
    kafkaCluster({ brokers: [broker.listeners[listener] ?? ''], requestTimeoutMs: 5000, sasl, ...options })
  const bearer = (token: string | (() => string | Promise<string>)): KafkaSasl => ({
    mechanism: 'OAUTHBEARER',
    token,
  })
  const credentials = () => clientCredentials({ tokenUrl, clientId: 'kedge', clientSecret: 's3cret' })

  async function refusalOf(sasl: KafkaSasl): Promise<unknown> {
    const cluster = at('BEARER', sasl, { requestTimeoutMs: 2000 })
    try {
      return await cluster.topics()
    } catch (error) {
      return error
    } finally {
      await cluster.close()
    }
  }

  it.each([
    ['a fixed one', () => unsecured()],
    ['one that a function gives', () => () => unsecured()],
    ['one of a token endpoint', credentials],
  ])('lets in a client with %s, to create, write and read', async (_what, token) => {
    const cluster = at('BEARER', {
      mechanism: 'OAUTHBEARER',
      token: token(),
      extensions: { logicalCluster: 'lkc-1' },
    })
    const topic = `t-${Math.random().toString(36).slice(2)}`
    try {
      await cluster.create(topic, 1)
      await cluster.append(topic, [{ key: null, value: Uint8Array.of(7), partition: 0 }])
      const { records } = await cluster.read([{ topic, partition: 0, offset: 0 }], {
        maxBytes: 1000,
        waitMs: 1000,
      })
      expect(records[0]?.value?.[0]).toBe(7)
    } finally {
      await cluster.close()
    }
  })

  it.each([
    ['has ended', unsecured({ iat: 1, exp: 2 })],
    ['is none', 'open-sesame'],
    ['has no subject', unsecured({ sub: undefined })],
  ])('keeps out a token that %s, and no error contains it', async (_what, token) => {
    const refusal = await refusalOf(bearer(token))
    expect(refusal).toMatchObject({
      reason: 'forbidden',
      message: 'Kafka refuses the credentials: SASL_AUTHENTICATION_FAILED.',
    })
    expect(inspect(refusal, { depth: 20 })).not.toContain(token)
  })

  it('is not asked where the token endpoint refuses the gateway, which says so', async () => {
    refuses = true
    try {
      const refusal = await refusalOf(bearer(credentials()))
      expect(refusal).toMatchObject({ reason: 'forbidden' })
      const shown = inspect(refusal, { depth: 20 })
      expect(shown).toContain('The token endpoint answered with status 401 (invalid_client).')
      expect(shown).not.toContain('s3cret')
    } finally {
      refuses = false
    }
  })

  it('is unavailable, and no more, while the token endpoint is away', async () => {
    const token = clientCredentials({ tokenUrl: 'http://127.0.0.1:1/', clientId: 'a', clientSecret: 'b' })
    expect(await refusalOf(bearer(token))).toMatchObject({ reason: 'unavailable' })
  })

  it.each([
    ['SHORT', () => bearer(credentials())],
    ['BRIEF', (): KafkaSasl => ({ mechanism: 'PLAIN', username: 'edge', password: 'pw' })],
  ])('ends sessions after a second (%s), and no call fails for that', async (listener, sasl) => {
    const topic = `s-${listener}`
    const cluster = at(listener, sasl())
    asked = 0
    try {
      await cluster.create(topic, 1)
      const end = performance.now() + 4 * SESSION_MS
      let written = 0
      const failures: unknown[] = []
      const until = async (work: () => Promise<unknown>) => {
        while (performance.now() < end) await work().catch((error: unknown) => failures.push(error))
      }
      const write = async () => {
        const [result] = await cluster.append(topic, [{ key: null, value: Uint8Array.of(1), partition: 0 }])
        if (result?.refusal instanceof Refusal) throw result.refusal
        written++
      }
      const poll = { maxBytes: 1000, waitMs: 300 }
      await Promise.all([
        until(write),
        until(write),
        until(() => cluster.offsets(topic, 0)),
        until(() => cluster.read([{ topic, partition: 0, offset: written + 1000 }], poll)),
        until(() => cluster.read([{ topic, partition: 0, offset: 0 }], poll)),
      ])
      expect(failures).toEqual([])
      // None was written twice, and none was lost.
      expect((await cluster.offsets(topic, 0)).end).toBe(written)
      expect(asked).toBeLessThanOrEqual(1)
    } finally {
      await cluster.close()
    }
  })
})
