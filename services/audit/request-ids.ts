/** Ids by which one request is found again in the logs of all that it has passed. @module */

/** The header in requests and in answers. */
export const REQUEST_ID = 'x-request-id'

/** What may stand in a log as it is. */
const GIVEN = /^[\w.:=+/-]{1,128}$/
/**
 * `traceparent` of W3C Trace Context: version, trace id, parent id, flags. No version is `ff`, no id is all zeros, and only a
 * later version than `00` may have more behind the flags.
 */
const TRACE =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|(?<!^00-.{52})-)/

/** The id that a client has given, where it may stand in a log. */
export const requestIdGiven = (given: string | undefined): string | undefined =>
  given !== undefined && GIVEN.test(given) ? given : undefined

/** The same, else a new one. */
export const requestIdFrom = (given: string | undefined): string =>
  requestIdGiven(given) ?? crypto.randomUUID()

/** The trace id of a `traceparent`; `undefined` where it names none. */
export const traceIdFrom = (traceparent: string | undefined): string | undefined =>
  TRACE.exec(traceparent ?? '')?.[1]
