/** Why a write that the log has acknowledged rejects all the same. @module */
import { KedgeError } from '../ports/errors.ts'

/** The positions of the write compare to nothing that is known here. */
export const replaced = (): KedgeError =>
  new KedgeError('ERR_PUBLISH', 'the log was replaced while the value was written: write it again', {
    retryable: true,
  })

/** The write was given a version below the one that stands. */
export const superseded = (version: number, won: number): KedgeError =>
  new KedgeError(
    'ERR_SUPERSEDED',
    `version ${version} was not written: version ${won} stands, and what is older than ${version} was evicted`,
    { version: won },
  )

/** The error of a write whose eviction was acknowledged in time, where what features do after it was not done in time. */
export const halfDone = (reason: unknown): KedgeError =>
  new KedgeError(
    'ERR_PUBLISH',
    'the keys were evicted, but what features write after that may or may not be in the log',
    { retryable: true, cause: (reason as KedgeError).cause },
  )

/** The error of a write whose time was over while it waited for a feature, or for an earlier write that does. */
export const notSent = (reason: unknown): KedgeError =>
  new KedgeError('ERR_PUBLISH', 'a feature of the cache has not answered in time: nothing was written', {
    retryable: true,
    cause: (reason as KedgeError).cause,
  })
