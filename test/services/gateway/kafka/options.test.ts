import { describe, expect, it } from 'vitest'
import { kafkaCluster } from '../../../../services/gateway/kafka/index.ts'
import type { KafkaOptions } from '../../../../services/gateway/kafka/index.ts'

const messageOf = (options: unknown): string => {
  try {
    kafkaCluster(options as KafkaOptions)
    return 'it is taken'
  } catch (error) {
    return error instanceof TypeError ? error.message : String(error)
  }
}

describe('The options of a Kafka cluster', () => {
  const brokers = ['kafka-1:9092']

  it.each([
    [{ brokers: ['kafka-1:9092', '[::1]:9093', '10.0.0.1:1'] }],
    [{ brokers, clientId: 'edge', tls: true, requestTimeoutMs: 1, sessionTimeoutMs: 6000 }],
    [{ brokers, tls: { ca: 'PEM', servername: 'kafka' } }],
    [{ brokers, sasl: { mechanism: 'SCRAM-SHA-512', username: 'u', password: 'p' } }],
  ])('%j is taken', (options) => {
    expect(messageOf(options)).toBe('it is taken')
  })

  it.each([
    [undefined, 'must be an object'],
    [{}, '`brokers`'],
    [{ brokers: [] }, '`brokers`'],
    [{ brokers: ['kafka-1'] }, '`brokers` must be written host:port'],
    [{ brokers: ['kafka-1:0'] }, '`brokers` must be written host:port'],
    [{ brokers: ['kafka-1:65536'] }, '`brokers` must be written host:port'],
    [{ brokers: ['http://kafka-1:9092'] }, '`brokers` must be written host:port'],
    [{ brokers, requestTimeoutMs: 0 }, '`requestTimeoutMs`'],
    [{ brokers, requestTimeoutMs: 1e12 }, '`requestTimeoutMs`'],
    [{ brokers, sessionTimeoutMs: 0 }, '`sessionTimeoutMs`'],
    [{ brokers, broker: 'x' }, '`broker` is not an option'],
    [{ brokers, tls: { cafile: 'x' } }, '`tls'],
    [{ brokers, sasl: { mechanism: 'GSSAPI', username: 'u', password: 'p' } }, '`sasl.mechanism`'],
    [{ brokers, sasl: { mechanism: 'PLAIN', username: 'u' } }, '`sasl.password`'],
  ])('%j is refused with the name of what is wrong', (options, part) => {
    expect(messageOf(options)).toContain(part)
  })

  it('a secret is in no message', () => {
    const sasl = { mechanism: 'PLAIN', username: 7, password: 'open sesame' }
    expect(messageOf({ brokers, sasl })).not.toContain('sesame')
  })
})
