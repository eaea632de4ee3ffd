/** Values that are made when they are first asked for. @module */

/**
 * What `make` returned the first time. For schemas: zod takes a tenth of a millisecond for each, and a start asks for few.
 */
/* @__NO_SIDE_EFFECTS__ */
export function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
