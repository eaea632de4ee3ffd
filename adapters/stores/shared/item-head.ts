/** What a tier that does not follow the log keeps beside a value, and which of two values wins. @module */
import * as z from 'zod/mini'
import { once } from '../../../src/runtime/once.ts'
import type { TierWrite } from '../../../src/ports/tier.ts'
import { parseJson } from '../../kafka/rest/problem.ts'

export interface ItemHead {
  readonly asOf: number
  readonly version: number | undefined
  readonly logId: string | undefined
}

const shape = once(() =>
  z.tuple([z.literal('k1'), z.int().check(z.gte(0)), z.nullable(z.number()), z.nullable(z.string())]),
)

/** As JSON in ASCII: a header's value, metadata, or a line. */
export function encodeHead({ asOf, version, logId }: ItemHead): string {
  const text = JSON.stringify(['k1', asOf, version ?? null, logId ?? null])
  return text.replaceAll(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** `undefined` for what another program wrote. */
export function decodeHead(text: unknown): ItemHead | undefined {
  const found = shape().safeParse(typeof text === 'string' ? parseJson(text) : undefined).data
  return found && { asOf: found[1], version: found[2] ?? undefined, logId: found[3] ?? undefined }
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
