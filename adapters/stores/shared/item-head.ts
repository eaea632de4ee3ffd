/** What a tier that does not follow the log keeps beside a value, and which of two values wins. @module */
import type { TierWrite } from '../../../src/ports/tier.ts'
import { fits, nullable, number, offsetShape, type Shape, text, tuple } from '../../answer-shape.ts'
import { parseJson } from '../../kafka/rest/problem.ts'

export interface ItemHead {
  readonly asOf: number
  readonly version: number | undefined
  readonly logId: string | undefined
}

const mark: Shape<'k1'> = (value) => (value === 'k1' ? undefined : 'is not of a tier')
const shape = tuple(mark, offsetShape, nullable(number), nullable(text))

/** As JSON in ASCII: a header's value, metadata, or a line. */
export function encodeHead({ asOf, version, logId }: ItemHead): string {
  const line = JSON.stringify(['k1', asOf, version ?? null, logId ?? null])
  return line.replaceAll(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** `undefined` for what another program wrote. */
export function decodeHead(line: unknown): ItemHead | undefined {
  const found = typeof line === 'string' ? parseJson(line) : undefined
  if (!fits(found, shape)) return undefined
  return { asOf: found[1], version: found[2] ?? undefined, logId: found[3] ?? undefined }
}

/**
 * Whether a write takes the place of what is there: the higher version wins, or, where one has none, the higher as-of.
 * As-ofs of two logs cannot be compared: the last one stays.
 */
export function takesPlaceOf(
  write: Pick<TierWrite, 'asOf' | 'version'>,
  logId: string | undefined,
  there: ItemHead | undefined,
): boolean {
  if (!there) return true
  if (logId !== undefined && there.logId !== undefined && logId !== there.logId) return true
  const { version } = write
  if (version !== undefined && there.version !== undefined && version !== there.version) {
    return version > there.version
  }
  return write.asOf >= there.asOf
}
