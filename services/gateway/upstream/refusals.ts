/** What an upstream fails with, as the gateway tells its clients: without a word about where the upstream is. @module */
import { RecordFailures } from '../../../adapters/kafka/rest/acknowledgement.ts'
import { isKedgeError } from '../../../src/ports/errors.ts'
import type { KedgeErrorCode } from '../../../src/ports/errors.ts'
import type { Appended } from '../cluster.ts'
import { Refusal } from '../refusal.ts'
import type { RefusalReason } from '../refusal.ts'

const AGAIN_S = 1

const SAYS: Partial<Record<KedgeErrorCode, readonly [reason: RefusalReason, message: string]>> = {
  ERR_AUTH: ['forbidden', 'The upstream refuses the credentials of the gateway, or what they may do.'],
  ERR_RATE_LIMITED: ['busy', 'The upstream takes no more requests for now.'],
  ERR_TOO_LARGE: ['too-large', 'This is larger than the upstream allows.'],
  ERR_UNKNOWN_TOPIC: ['unknown-topic', 'Topic not found.'],
  ERR_UNSUPPORTED: ['unsupported', 'The upstream cannot do this.'],
  ERR_TIMEOUT: ['unavailable', 'The upstream did not answer in time.'],
  ERR_NETWORK: ['unavailable', 'The upstream does not answer.'],
  ERR_PROTOCOL: ['unavailable', 'The upstream does not answer in its protocol.'],
  ERR_PUBLISH: ['unavailable', 'The upstream did not acknowledge this: it may be written, or not.'],
}

/** The refusal for a failure of the upstream; what is no failure of it passes through. */
export function refusalOf(error: unknown): unknown {
  if (!isKedgeError(error)) return error
  const [reason, message] = SAYS[error.code] ?? ['unavailable', 'The upstream answers with an error.']
  const wait = error.retryAfterMs === undefined ? AGAIN_S : Math.ceil(error.retryAfterMs / 1000)
  return new Refusal(
    reason,
    message,
    reason === 'busy' || reason === 'unavailable' ? { retryAfter: wait } : {},
  )
}

/** One result for each record of a write that failed: by record where the upstream told so much. */
export function failuresOf(error: unknown, count: number): readonly Appended[] | undefined {
  if (error instanceof RecordFailures && error.results.length === count)
    return error.results.map((result) =>
      isKedgeError(result) ? { refusal: refusalOfRecord(result) } : result,
    )
  const refusal = refusalOf(error)
  return refusal instanceof Refusal ? Array.from({ length: count }, () => ({ refusal })) : undefined
}

const refusalOfRecord = (error: unknown): Refusal => {
  const refusal = refusalOf(error)
  return refusal instanceof Refusal ? refusal : new Refusal('unavailable', 'The upstream failed.')
}

export const notPossible = (what: string): Refusal =>
  new Refusal('unsupported', `${what}: this gateway stands before an upstream that has no way for it.`)

export const notAcknowledged = (): Refusal =>
  new Refusal('unavailable', 'The upstream did not acknowledge this: it may be written, or not.', {
    retryAfter: AGAIN_S,
  })
