/** The log in memory of `kedge gateway`. @module */
import type { StartOptions } from '../services/gateway/server.ts'
import { UsageError } from './failure.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import type { AnySetting } from './setting.ts'
import {
  autoCreate,
  memoryPartitions,
  memoryTopics,
  retentionBytes,
  retentionRecords,
} from './settings/gateway.ts'
import { plain } from './terminal.ts'

/** The settings that have a meaning for it alone. */
export const OF_MEMORY: readonly AnySetting[] = [
  memoryTopics,
  memoryPartitions,
  autoCreate,
  retentionRecords,
  retentionBytes,
]

export const memoryOf = (values: ResolvedSettings): NonNullable<StartOptions['memory']> => ({
  topics: Object.fromEntries(values.get(memoryTopics).map(topicOf)),
  autoCreate: values.get(autoCreate),
  partitions: values.get(memoryPartitions),
  retentionRecords: values.get(retentionRecords),
  retentionBytes: values.get(retentionBytes),
})

function topicOf(given: string): [name: string, partitions: number] {
  const [, name, count = '1'] = /^([\w.-]{1,249})(?::(\d{1,4}))?$/.exec(given) ?? []
  if (!name || Number(count) < 1 || Number(count) > 1000) {
    throw new UsageError(
      `--topic (KEDGE_GATEWAY_TOPICS) must be a name, or a name and 1 to 1000 partitions such as orders:4, got "${plain(given).slice(0, 40)}"`,
    )
  }
  return [name, Number(count)]
}
