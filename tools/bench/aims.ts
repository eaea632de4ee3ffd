/**
 * What was aimed for, and what was got.
 *
 * @module
 */
import type { BundleSizes } from './bundle.ts'
import type { Ratio } from './ratios.ts'

export interface Aim {
  readonly name: string
  readonly aim: number
  readonly got: number
  readonly unit: '×' | 'bytes'
  readonly met: boolean
}

/** Which ratio must not be above what. */
const SPEED: readonly { subject: string; name: string; aim: number }[] = [
  { subject: 'kedge peek', name: '`peek` hit beside Map get', aim: 2 },
  { subject: 'kedge getOrSet', name: '`getOrSet` hit beside a bare async function', aim: 1.3 },
]
const BYTES_ABOVE_MAP = 60
const GZIP_BYTES = 8000

/** @param weights bytes of heap an entry above a Map, by store */
export function judge(
  ratios: readonly Ratio[],
  weights: ReadonlyMap<string, number>,
  sizes: BundleSizes,
): Aim[] {
  const speed = SPEED.map(({ subject, name, aim }) => {
    const got = ratios.find((ratio) => ratio.subject === subject)!.paired.median
    return { name, aim, got, unit: '×' as const }
  })
  const size = [
    {
      name: 'heap an entry above a Map',
      aim: BYTES_ABOVE_MAP,
      got: weights.get('kedge')!,
      unit: 'bytes' as const,
    },
    { name: 'core, gzip, without zod', aim: GZIP_BYTES, got: sizes.core.gzip, unit: 'bytes' as const },
  ]
  return [...speed, ...size].map((each) => ({ ...each, met: each.got <= each.aim }))
}
