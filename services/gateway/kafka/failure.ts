/** Failures of brokers, and the refusals that the gateway makes of them. @module */
import { protocolErrorsCodesById } from '@platformatic/kafka'
import { Refusal } from '../refusal.ts'
import { tokenErrorIn } from './sasl.ts'

/**
 * A call that failed: the broker gave no answer, or an error code. Its message is for the gateway's operator.
 */
export class KafkaFailure extends Error {
  override readonly name = 'KafkaFailure'
  /** Kafka's error code; absent when there was no answer. */
  readonly code: number | undefined

  constructor(message: string, options: { readonly code?: number; readonly cause?: unknown } = {}) {
    super(message, options)
    this.code = options.code
  }
}

/** The error codes of Kafka (the protocol guide's table) that the gateway treats each in its own way. */
export const CODES = {
  offsetOutOfRange: 1,
  unknownTopic: 3,
  recordTooLarge: 10,
  invalidTopic: 17,
  recordListTooLarge: 18,
  topicExists: 36,
  outOfOrderSequence: 45,
  invalidProducerEpoch: 47,
  saslAuthentication: 58,
  unknownProducerId: 59,
  offsetNotAvailable: 78,
} as const

/** LEADER_NOT_AVAILABLE and similar: another broker answers the request, or the same one a little later. */
const MOVED: ReadonlySet<number> = new Set([3, 5, 6, 9, 13, 56, 72, 74, 75, 78, 100, 103])
/** Reasons to try the same again: the broker is loading, is short of replicas, or did not make it in time. */
const PASSING: ReadonlySet<number> = new Set([7, 8, 14, 15, 16, 19, 20, 41, 51, 89])
/** The broker refuses the record itself: a repetition fails in the same way. */
const WRONG: ReadonlySet<number> = new Set([2, 32, 43, 44, 76, 87])

/**
 * The principal of the gateway has not the right, or is not who it says: TOPIC_, GROUP_, CLUSTER_,
 * TRANSACTIONAL_ID_AUTHORIZATION_FAILED, SASL_AUTHENTICATION_FAILED, DELEGATION_TOKEN_AUTHORIZATION_FAILED.
 */
export const FORBIDDEN: ReadonlySet<number> = new Set([29, 30, 31, 53, CODES.saslAuthentication, 65])

export const isPassing = (code: number): boolean => MOVED.has(code) || PASSING.has(code)
/** Whether the cluster refuses it to the gateway: no repetition helps before an operator has acted. */
export const isForbidden = (error: unknown): boolean =>
  error instanceof KafkaFailure && error.code !== undefined && FORBIDDEN.has(error.code)
/** Whether a repetition fails in the same way. */
export const isWrong = (code: number): boolean => WRONG.has(code)
export const isTooLarge = (code: number): boolean =>
  code === CODES.recordTooLarge || code === CODES.recordListTooLarge

/** The refusal for a code that no retry has resolved. */
export function refusalOf(code: number): Refusal {
  if (isTooLarge(code)) return new Refusal('too-large', 'The record is larger than the cluster accepts.')
  if (FORBIDDEN.has(code)) return forbidden(code)
  if (WRONG.has(code))
    return new Refusal('invalid', `The cluster does not take the record: ${nameOfCode(code)}.`)
  return new Refusal('unavailable', `The cluster answered ${nameOfCode(code)}.`, { retryAfter: 1 })
}

/** Turns any error into the refusal that the client gets; an abort stays as it is. */
export function refusalFrom(error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted && error === signal.reason) return error
  if (error instanceof Refusal) return error
  if (error instanceof KafkaFailure && error.code !== undefined) {
    // The broker was not asked.
    const withoutToken = tokenErrorIn(error)?.message
    const refusal =
      withoutToken === undefined ? refusalOf(error.code) : new Refusal('forbidden', withoutToken)
    if (refusal.reason === 'forbidden') refusal.cause = error
    return refusal
  }
  const refusal = new Refusal('unavailable', 'The cluster cannot be reached.', { retryAfter: 1 })
  // For the gateway's operator; clients see the message alone.
  refusal.cause = error
  return refusal
}

/** A right of Kafka's ACLs that a call needs. */
export interface Right {
  readonly operation: 'Create' | 'Delete' | 'Describe' | 'DescribeConfigs' | 'Read' | 'Write'
  readonly topic?: string | undefined
  readonly group?: string | undefined
}

/** A refusal of the cluster that names the right that lacks; every other one as it is. */
export function withRight(refusal: Refusal, { operation, topic, group }: Right): Refusal {
  const { cause } = refusal
  const code = cause instanceof KafkaFailure ? cause.code : undefined
  if (refusal.reason !== 'forbidden' || code === undefined || code === CODES.saslAuthentication)
    return refusal
  const isOfGroup = code === GROUP_AUTHORIZATION
  const name = isOfGroup ? group : topic
  const of = name === undefined ? 'the cluster' : `the ${isOfGroup ? 'group' : 'topic'} ${name}`
  const named = new Refusal('forbidden', `Kafka refuses ${operation} on ${of}: ${nameOfCode(code)}.`)
  named.cause = cause
  return named
}

const GROUP_AUTHORIZATION = 30

function forbidden(code: number): Refusal {
  const refusal = new Refusal(
    'forbidden',
    code === CODES.saslAuthentication
      ? `Kafka refuses the credentials: ${nameOfCode(code)}.`
      : `Kafka refuses it: ${nameOfCode(code)}.`,
  )
  refusal.cause = new KafkaFailure('The cluster refuses it.', { code })
  return refusal
}

/** In Kafka's protocol. */
export const nameOfCode = (code: number): string => protocolErrorsCodesById[code] ?? `error ${code}`
