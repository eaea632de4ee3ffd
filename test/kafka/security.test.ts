import { pbkdf2Sync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { alterUserScramCredentialsV0, Connection } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import type { KafkaOptions } from '../../services/gateway/kafka/index.ts'
import { Refusal } from '../../services/gateway/refusal.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'
import { certificate, type ClientCertificate, clientCertificate } from './certificate.ts'

const MODULES = 'org.apache.kafka.common.security'
const PASSWORD = 'open sesame'

describe.skipIf(withoutKafka())('A cluster that demands credentials', () => {
  let broker: Broker
  let folder: string
  let ca: string
  let client: ClientCertificate
  let stranger: ClientCertificate

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kedge-certificate-'))
    const made = await certificate(folder)
    ca = made.ca
    client = await clientCertificate(folder, 'client')
    stranger = await clientCertificate(folder, 'stranger')
    broker = await startBroker({
      listeners: { TLS: 'SSL', MUTUAL: 'SSL', SASL: 'SASL_PLAINTEXT', BOTH: 'SASL_SSL' },
      properties: {
        ...made.properties,
        'listener.name.mutual.ssl.client.auth': 'required',
        'listener.name.mutual.ssl.truststore.type': 'PEM',
        'listener.name.mutual.ssl.truststore.location': client.file,
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        ...Object.fromEntries(
          ['sasl', 'both'].flatMap((listener) => [
            [
              `listener.name.${listener}.plain.sasl.jaas.config`,
              `${MODULES}.plain.PlainLoginModule required user_edge="${PASSWORD}";`,
            ],
            ...['256', '512'].map((bits) => [
              `listener.name.${listener}.scram-sha-${bits}.sasl.jaas.config`,
              `${MODULES}.scram.ScramLoginModule required;`,
            ]),
          ]),
        ),
      },
    })
    await addScramUser()
  })

  afterAll(async () => {
    await broker?.stop()
    if (folder) await rm(folder, { recursive: true })
  })

  async function addScramUser(): Promise<void> {
    const connection = new Connection('test')
    const [host = '', port] = broker.bootstrap.split(':')
    await connection.connect(host, Number(port))
    const salt = Buffer.from('salt')
    const user = (mechanism: number, hash: string, length: number) => ({
      name: 'edge',
      mechanism,
      iterations: 4096,
      salt,
      saltedPassword: pbkdf2Sync(PASSWORD, salt, 4096, length, hash),
    })
    // One user may be named once in a request.
    for (const one of [user(1, 'sha256', 32), user(2, 'sha512', 64)]) {
      await alterUserScramCredentialsV0.api.async(connection, [], [one])
    }
    await connection.close()
  }

  const at = (listener: string, options: Partial<KafkaOptions>) =>
    kafkaCluster({ brokers: [broker.listeners[listener] ?? ''], requestTimeoutMs: 5000, ...options })

  /** Whether a record that was written is read again; else why not. */
  async function outcome(listener: string, options: Partial<KafkaOptions>): Promise<unknown> {
    const cluster = at(listener, options)
    try {
      const name = `topic-${listener}-${JSON.stringify(options.sasl?.mechanism ?? '').replaceAll('"', '')}`
      await cluster.create(name, 1)
      await cluster.append(name, [{ key: null, value: Uint8Array.of(7), partition: 0 }])
      const position = { topic: name, partition: 0, offset: 0 }
      const { records } = await cluster.read([position], { maxBytes: 1000, waitMs: 1000 })
      return records[0]?.value?.[0] === 7
    } catch (error) {
      return error instanceof Refusal ? error.reason : error
    } finally {
      await cluster.close()
    }
  }

  /** Of an error and all that caused it. */
  function codesOf(error: unknown): unknown[] {
    if (!(error instanceof Error)) return []
    return ['code' in error ? error.code : undefined, ...codesOf(error.cause)]
  }

  const sasl = (mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512', password = PASSWORD) => ({
    mechanism,
    username: 'edge',
    password,
  })

  it('is reached over TLS with the authority that signed its certificate', async () => {
    expect(await outcome('TLS', { tls: { ca } })).toBe(true)
  })

  it('is not trusted without that authority, unless verification is switched off', async () => {
    const unsure = at('TLS', { tls: true, requestTimeoutMs: 1000 })
    await expect(unsure.topics()).rejects.toMatchObject({ reason: 'unavailable' })
    await unsure.close()
    const careless = at('TLS', { tls: { rejectUnauthorized: false } })
    expect(await careless.brokers()).toHaveLength(1)
    await careless.close()
  })

  it('must have the name that was asked for', async () => {
    const named = at('TLS', { tls: { ca, servername: 'localhost' } })
    expect(await named.brokers()).toHaveLength(1)
    await named.close()
    const other = at('TLS', { tls: { ca, servername: 'elsewhere.test' }, requestTimeoutMs: 1000 })
    await expect(other.topics()).rejects.toMatchObject({ reason: 'unavailable' })
    await other.close()
  })

  it('lets in a client whose certificate it trusts, where it asks for one', async () => {
    expect(await outcome('MUTUAL', { tls: { ca, cert: client.cert, key: client.key } })).toBe(true)
  })

  it.each([
    ['none', () => ({}), /ALERT_(BAD_CERTIFICATE|CERTIFICATE_REQUIRED)/],
    ['one that it does not trust', () => stranger, /ALERT_(CERTIFICATE_UNKNOWN|UNKNOWN_CA|BAD_CERTIFICATE)/],
    ['one of another key', () => ({ cert: client.cert, key: stranger.key }), /KEY_VALUES_MISMATCH/],
  ])('keeps out a client that has %s, and the gateway names the reason', async (_, ours, code) => {
    const { cert, key } = ours() as Partial<ClientCertificate>
    const tls = { ca, ...(cert && { cert }), ...(key && { key }) }
    const outside = at('MUTUAL', { tls, requestTimeoutMs: 2000 })
    const refusal: unknown = await outside.topics().catch((error: unknown) => error)
    await outside.close()
    expect(refusal).toMatchObject({ reason: 'unavailable', message: 'The cluster cannot be reached.' })
    expect(codesOf(refusal)).toContainEqual(expect.stringMatching(code))
    expect(inspect(refusal, { depth: 10 })).not.toContain('PRIVATE KEY')
  })

  it.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)(
    'lets in a client with the password by %s',
    async (mechanism) => {
      expect(await outcome('SASL', { sasl: sasl(mechanism) })).toBe(true)
      expect(await outcome('BOTH', { tls: { ca }, sasl: sasl(mechanism) })).toBe(true)
    },
  )

  it.each(['PLAIN', 'SCRAM-SHA-512'] as const)(
    'keeps out a client with a wrong one by %s, and no message contains the password',
    async (mechanism) => {
      const outside = at('SASL', { sasl: sasl(mechanism, 'not-sesame'), requestTimeoutMs: 1000 })
      const refusal: unknown = await outside.topics().catch((error: unknown) => error)
      await outside.close()
      expect(refusal).toMatchObject({
        reason: 'forbidden',
        message: 'Kafka refuses the credentials: SASL_AUTHENTICATION_FAILED.',
      })
      expect(JSON.stringify(refusal)).not.toContain('not-sesame')
    },
  )
})
