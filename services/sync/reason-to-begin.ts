/** Whether an applier of a tier can go on where the tier stands. @module */
import type { PartitionOffsets } from '../../src/ports/kafka-log.ts'
import type { AppliedPosition } from '../../src/ports/tier.ts'
import type { BeginReason } from './tier-follower-options.ts'

/** Why it must begin again at the end; `undefined` where it goes on. */
export function reasonToBegin(
  applied: AppliedPosition | undefined,
  { beginning, end, logId }: PartitionOffsets,
): BeginReason | undefined {
  if (applied === undefined) return 'start'
  if (applied.logId !== logId) return 'replaced'
  if (applied.position > end) return 'rewound'
  return applied.position < beginning ? 'truncated' : undefined
}
