/** `kafka_consumer_lag`, as exporters of Kafka call it: for alerts and autoscalers that know no other name. @module */
import type { Sample } from '../shared/cache-meter.ts'
import type { Meter } from './meter.ts'

/** How far a reader is in one partition. */
export interface PartitionLag {
  readonly partition: number
  /** The next offset that it reads. */
  readonly position: number
  readonly end: number
}

/** Partitions that have a series of their own. */
const MAX_PARTITIONS = 1000

/** @param read called at each scrape */
export function consumerLag(
  meter: Meter,
  { topic, group }: { readonly topic: string; readonly group: string },
  read: () => Iterable<PartitionLag>,
): void {
  meter
    .under('', { topic, consumer_group: group })
    .gauge(
      'kafka_consumer_lag',
      'Offsets between the position of a reader and the end of the partition, as it was known last.',
      () => lags(read()),
      ['partition'],
    )
}

function* lags(partitions: Iterable<PartitionLag>): Iterable<Sample> {
  let left = MAX_PARTITIONS
  for (const { partition, position, end } of partitions) {
    if (left-- <= 0) return
    yield [Math.max(0, end - position), { partition }]
  }
}
