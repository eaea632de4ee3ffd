/** Headers of records in answers: lists of `{ key, value }`, as Strimzi's bridge and Upstash have them. @module */
import { boundedHeaders } from '../../../src/wire/record-headers.ts'

/** No more are looked at, and no longer values decoded: what is kept is bounded more narrowly. */
const [MOST, MOST_CHARACTERS] = [32, 8192]

/**
 * What is not as it should be is left out: headers are decoration, and no answer is refused for them.
 *
 * @param decoded what a value stands for
 */
export function saidHeaders(
  said: unknown,
  decoded: (value: string) => Uint8Array | undefined,
): ReturnType<typeof boundedHeaders> {
  if (!Array.isArray(said)) return {}
  const entries = said
    .slice(0, MOST)
    .map((each: { readonly key?: unknown; readonly value?: unknown } | null): [unknown, unknown] => {
      const value = each?.value
      const isText = typeof value === 'string' && value.length <= MOST_CHARACTERS
      return [each?.key, isText ? decoded(value) : value]
    })
  return boundedHeaders(entries)
}
