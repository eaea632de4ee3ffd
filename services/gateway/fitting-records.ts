/** Which records an answer of a consumer instance has room for. @module */
import type { ClusterRecord } from './cluster.ts'

/** Those that fit; the first of a poll whatever its size: a consumer that never got it could not go on. */
export function fittingOf(
  records: readonly ClusterRecord[],
  maxBytes: number,
  before: { readonly bytes: number; readonly isFirst: boolean },
): readonly ClusterRecord[] {
  let { bytes } = before
  const end = records.findIndex((record, index) => {
    const size = sizeOf(record)
    if ((index > 0 || !before.isFirst) && bytes + size >= maxBytes) return true
    bytes += size
    return false
  })
  return end < 0 ? records : records.slice(0, end)
}

export const sizeOf = ({ key, value }: ClusterRecord): number => (key?.length ?? 0) + (value?.length ?? 0)
