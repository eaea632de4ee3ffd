/** Where the worker's audit goes. @module */
import { AuditLines } from '../services/audit/audit-lines.ts'
import type { AuditLinesOptions } from '../services/audit/audit-lines.ts'
import { encodeUtf8 } from '../src/wire/codec.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import type { AuditOptions } from './audit-options.ts'

export type { AuditLinesOptions } from '../services/audit/audit-lines.ts'

export interface AuditTopicOptions extends Omit<AuditLinesOptions, 'send'> {
  readonly kafka: Pick<KafkaLog, 'produce'>
  /** @default 'cache-audit' */
  readonly topic?: string
}

/**
 * Hands audit lines on under the request's `waitUntil`: JSON objects with `time`, `writer` and `seq`, and `chain` where
 * there is a key, for `kedge audit verify`. At most 10,000 lines and 8 MiB wait; lines beyond are lost, and the next one
 * counts them in `lost`.
 *
 * @throws TypeError for a `key` of less than 32 characters.
 * @example
 * ```ts
 * import { auditLines } from 'kedge/worker'
 *
 * const audit = { tell: auditLines({ send: async (lines) => lines.forEach((line) => console.log(line)) }) }
 * ```
 */
export function auditLines(options: AuditLinesOptions): AuditOptions['tell'] {
  const lines = new AuditLines(options)
  return (entry, context) => context.waitUntil(lines.tell(entry))
}

/**
 * Writes audit lines to a topic, as `auditLines` does.
 *
 * @throws TypeError for a `key` of less than 32 characters.
 * @example
 * ```ts
 * import { gateway } from 'kedge/adapters/gateway'
 * import { auditTopic } from 'kedge/worker'
 *
 * const kafka = gateway({ url: 'https://kafka-http.example' })
 * const audit = { tell: auditTopic({ kafka, topic: 'cache-audit' }) }
 * ```
 */
export function auditTopic({
  kafka,
  topic = 'cache-audit',
  ...options
}: AuditTopicOptions): AuditOptions['tell'] {
  return auditLines({
    ...options,
    send: async (lines, signal) => {
      await kafka.produce(
        topic,
        lines.map((line) => ({ key: null, value: encodeUtf8(line) })),
        { signal },
      )
    },
  })
}
