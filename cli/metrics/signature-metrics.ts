/** What a log has counted of signatures. @module */
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import type { SignedLog } from '../../src/signing/index.ts'
import type { ProcessMetrics } from './process-metrics.ts'

/** Nothing for a log that is not signed. */
export function signatureMetrics(metrics: ProcessMetrics, log: KafkaLog): void {
  if (!('signatures' in log)) return
  const counted = () => Object.entries((log as SignedLog).signatures())
  metrics
    .meter('kedge_')
    .counter(
      'signatures_total',
      'Records that were signed, and those that were read with a signature or without one.',
      () => counted().map(([outcome, count]) => [count, { outcome }] as const),
      ['outcome'],
    )
}
