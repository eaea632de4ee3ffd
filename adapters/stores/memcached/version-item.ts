/** The version of a key's value, in an item beside the value. @module */
import { decodeUtf8, encodeUtf8 } from '../../../src/wire/codec.ts'
import type { SinkVersion } from '../../../src/ports/sink.ts'
import { fits, number, offsetShape, tuple } from '../../answer-shape.ts'
import { parseJson } from '../../kafka/rest/problem.ts'

export interface VersionItem {
  /** Of the epoch that it was written in. */
  readonly generation: number
  readonly version: SinkVersion
}

const shape = tuple(offsetShape, number, number)

export const encodeVersionItem = ({ generation, version: [major, minor] }: VersionItem): Uint8Array =>
  encodeUtf8(JSON.stringify([generation, major, minor]))

/** `undefined` where another program wrote it: the sink then overwrites it. */
export function decodeVersionItem(bytes: Uint8Array | undefined): VersionItem | undefined {
  if (bytes === undefined) return undefined
  const found = parseJson(decodeUtf8(bytes) ?? '')
  if (!fits(found, shape)) return undefined
  return { generation: found[0], version: [found[1], found[2]] }
}

/** Whether what is there is newer than a write. */
export function isNewer(there: VersionItem | undefined, write: VersionItem): boolean {
  if (there === undefined) return false
  if (there.generation !== write.generation) return there.generation > write.generation
  const [major, minor] = there.version
  const [newMajor, newMinor] = write.version
  return major === newMajor ? minor > newMinor : major > newMajor
}
