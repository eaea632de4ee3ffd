/**
 * `kedge/signing`: signed messages, so that a log may be read whose writers are not all trusted.
 *
 * @module
 */
import type { KafkaLog } from '../ports/kafka-log.ts'
import { signatures } from './signatures.ts'
import type { SignatureStats, SignOptions } from './signatures.ts'

export { signingKeys } from './key-text.ts'
export type { SignatureFault, SigningKey } from './keyring.ts'
export { signatures } from './signatures.ts'
export type { SignatureEvent, Signatures, SignatureStats, SignMode, SignOptions } from './signatures.ts'

/** A log that signs what is written, and judges what is read. */
export interface SignedLog extends KafkaLog {
  readonly signatures: () => SignatureStats
}

/**
 * The log, with signatures: HMAC-SHA-256 over the topic, the record's key, the moment and the message. Give it to
 * `createCache`, or to any of the services, instead of the log itself.
 *
 * Under `sign: 'require'` an eviction without a signature that counts evicts nothing; a value is not held and its key is
 * dropped; a request is not answered; a write is not persisted. Each is counted, and told to `onEvent`. Values that
 * are nulls cannot be signed.
 *
 * @throws TypeError quoting the option that is wrong, and never a secret.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { signed } from 'kedge/signing'
 * import { memory } from 'kedge/testing'
 *
 * const secret = crypto.getRandomValues(new Uint8Array(32)) // of `openssl rand -base64 32`, from where secrets are kept
 * const kafka = signed(memory(), { keys: [{ id: 'k1', secret }], sign: 'require' })
 * const users = createCache({ kafka }).namespace('users')
 * await users.delete('7')
 * console.log(kafka.signatures())
 * ```
 */
export function signed(log: KafkaLog, options: SignOptions): SignedLog {
  const own = signatures(options)
  return {
    capabilities: log.capabilities,
    ...(own.topics && { signedTopics: own.topics }),
    produce: async (topic, records, callOptions) =>
      log.produce(topic, await own.sign(topic, records), callOptions),
    offsets: async (topic, offsetsOptions) => log.offsets(topic, offsetsOptions),
    async read(topic, positions, readOptions) {
      const result = await log.read(topic, positions, readOptions)
      return { ...result, records: await own.verify(topic, result.records) }
    },
    ...(log.settled && { settled: async () => log.settled?.() }),
    ...(log.close && { close: async () => log.close?.() }),
    signatures: () => own.stats(),
  }
}
