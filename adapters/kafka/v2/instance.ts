/**
 * Consumer instances of the v2 API: a consumer that lives in the memory of one proxy.
 *
 * It is assigned, never subscribed (groups would split the log between isolates), never commits, and is moved by a seek.
 * A seek may leave records of the old place in the proxy's queue (up to 30 in kafka-rest's `KafkaConsumerState`): the
 * reader judges by offsets what an instance returns after one.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { LogRecord, Position, ReadOptions } from '../../../src/ports/kafka-log.ts'
import { fields, type Shape, text } from '../../answer-shape.ts'
import type { Endpoint } from '../rest/endpoint.ts'
import { type Call, type HttpAnswer, type HttpRequest, parsed, segment } from '../rest/http.ts'
import { advance } from '../rest/positions.ts'
import { failure, isInstanceGone, isOutOfRange, problemOf } from '../rest/problem.ts'
import { V2, V2_BINARY } from './media-types.ts'
import type { Creation, Dialect } from './dialect.ts'
import { readRecords } from './records.ts'

/** The longest set of cookies that is sent back. */
const MAX_COOKIE = 4096
/** A longer `base_uri` is not looked at. */
const MAX_URI = 2048

/**
 * How long each of the polls lasts that make an assignment take hold. Karapace 5.0.3 refuses a seek for 0.5 to 0.66 s,
 * 6.2.0 for 0.1 s: polls that are short find out soonest.
 */
const WARM_UP_MS = 100
/** Warm-up polls of an instance, over all reads: beyond so many it has lost its assignment. */
const MAX_WARM_UPS = 30
/** Stands for an offset that is not known. */
const UNKNOWN = -1

export interface Instance {
  readonly topic: string
  readonly isolation: ReadOptions['isolation']
  /** The positions after its last answer or seek. {@link withoutPositions} where they are unknown. */
  readonly positions: readonly Position[]
  /** Whether the proxy has assigned its partitions, perhaps for an earlier read that timed out since. */
  isAssigned: boolean
  /** Warm-up polls since it was made. */
  warmUps: number
  /** A request whose answer did not arrive may still move it, so a gap in its records may be a loss. */
  mayMove: boolean
  /** Polls in a row that were given up: it may hang. */
  readonly givenUp: number
  /** Its path on the configured origin. */
  readonly path: string
  /** Of the load balancer that knows which proxy holds it. `fetch` keeps none. */
  readonly cookie: string
  readonly usedAt: number
  /** Until then a request that was given up may move it. */
  readonly usableAt: number
}

/** The instance is gone: expired (5 minutes by default), or its proxy restarted. */
export class InstanceGone extends Error {}

/** The instance has lost its assignment, or has not got it yet. */
export class Unassigned extends InstanceGone {}

/** The proxy does not know `auto.offset.reset: none`. */
export class ResetRefused extends Error {}

const instanceId: Shape<string> = (value) =>
  text(value) ?? (/^[\w.-]{1,255}$/.test(value as string) ? undefined : 'is no id of an instance')
const anything: Shape<unknown> = () => undefined

const createAnswer = fields({ instance_id: instanceId, base_uri: anything })

/** What an instance is made for. */
export type Purpose = Pick<Instance, 'topic' | 'positions' | 'isolation'>

/**
 * The instance, when its place is no longer known: it must be moved before it is read from.
 *
 * @param busyMs for how long a poll that was given up may go on in the proxy, and move it
 */
export const withoutPositions = (instance: Instance, busyMs = 0): Instance => ({
  ...instance,
  positions: instance.positions.map(({ partition }) => ({ partition, offset: UNKNOWN })),
  usedAt: Date.now(),
  usableAt: Date.now() + busyMs,
})

/** Whether the place of the instance is known. */
export const hasPositions = ({ positions }: Instance): boolean =>
  positions.every(({ offset }) => offset !== UNKNOWN)

export async function createInstance(
  call: Call,
  group: string,
  dialect: Dialect,
  creation: Creation,
  purpose: Purpose,
): Promise<Instance> {
  const doing = 'creating a consumer instance'
  const path = `/consumers/${segment(group)}`
  const answer = await call.http.send({ ...post(dialect.create(creation)), path }, call.signal)
  if (answer.status === 422 && creation.reset === 'none') throw new ResetRefused()
  if (answer.status > 299) throw failure(answer, doing)
  const { instance_id: id, base_uri: baseUri } = parsed(answer, createAnswer, doing)
  return withoutPositions({
    ...purpose,
    isAssigned: false,
    warmUps: 0,
    mayMove: false,
    givenUp: 0,
    path: locate(call.http.endpoint, `${path}/instances/${segment(id)}`, baseUri),
    cookie: cookie(answer),
    usedAt: Date.now(),
    usableAt: 0,
  })
}

/** Moves an instance to the positions. One that has no partitions yet is assigned them first. */
export async function seekInstance(
  call: Call,
  instance: Instance,
  positions: readonly Position[],
  dialect: Dialect,
): Promise<Instance> {
  const { topic } = instance
  const wasAssigned = instance.isAssigned
  if (!wasAssigned) {
    const partitions = positions.map(({ partition }) => ({ topic, partition }))
    await tell(call, instance, { ...post({ partitions }), path: '/assignments' })
    instance.isAssigned = true
  }
  const offsets = positions.map((position) => ({ topic, ...position }))
  const seek = { ...post({ offsets }), path: '/positions' }
  const placed = () => ({ ...instance, positions, usedAt: Date.now() })
  if (!dialect.seeksAfterPoll) {
    await tell(call, instance, seek)
    return placed()
  }
  for (let isReady = wasAssigned; ; isReady = true) {
    if (isReady) {
      try {
        await tell(call, instance, seek)
        instance.warmUps = 0
        return placed()
      } catch (error) {
        // The proxy answers the same for a consumer without its partitions yet and one that has lost them.
        if (!(error instanceof Unassigned) || instance.warmUps >= MAX_WARM_UPS) throw error
      }
    }
    instance.warmUps++
    instance.mayMove = true
    // The warm-up poll reads at another position: its answer is dropped.
    await call.http.send(at(instance, records(WARM_UP_MS, 1)), call.signal)
  }
}

/** What a poll found: records and the instance's new place. */
export interface Poll {
  readonly records: LogRecord[]
  readonly dropped: number
  readonly instance: Instance
}

/** Why a poll returned no records. The position of its instance is unknown then. */
export type Missed = 'out of range' | 'too large' | 'gone'

export async function pollInstance(
  call: Call,
  instance: Instance,
  pollMs: number,
  maxBytes: number,
): Promise<Poll | Missed> {
  instance.mayMove = true
  const answer = await call.http.send(at(instance, records(pollMs, maxBytes)), call.signal)
  if (answer.status > 299) {
    const problem = problemOf(answer)
    if (isInstanceGone(problem)) return 'gone'
    if (isOutOfRange(problem)) return 'out of range'
    // Strimzi's bridge has then gone past what it did not return.
    if (answer.status === 422 && /maximum number of bytes/i.test(problem.text)) return 'too large'
    throw failure(answer, 'reading records')
  }
  const { records: found, dropped } = readRecords(answer, instance.topic, instance.positions)
  const positions = advance(instance.positions, found)
  return { records: found, dropped, instance: { ...instance, positions, givenUp: 0, usedAt: Date.now() } }
}

/** Frees what the instance holds in the proxy. Best effort: an unused instance expires by itself. */
export async function removeInstance(call: Call, instance: Pick<Instance, 'path' | 'cookie'>): Promise<void> {
  // Redpanda demands the Content-Type of a body that is not there; kafka-rest does not mind it.
  await call.http.send(
    at(instance, { method: 'DELETE', path: '', headers: { accept: V2, 'content-type': V2 } }),
    call.signal,
  )
}

async function tell(
  call: Call,
  made: Pick<Instance, 'path' | 'cookie'>,
  request: HttpRequest,
): Promise<void> {
  const answer = await call.http.send(at(made, request), call.signal)
  if (answer.status < 300) return
  const problem = problemOf(answer)
  if (problem.code === 40903) throw new Unassigned()
  if (isInstanceGone(problem)) throw new InstanceGone()
  throw failure(answer, 'placing a consumer instance')
}

/** Every poll sends both: some proxies keep them for later polls. A Content-Type without a body is a 415. */
const records = (timeout: number, maxBytes: number): HttpRequest => ({
  method: 'GET',
  path: `/records?timeout=${timeout}&max_bytes=${maxBytes}`,
  headers: { accept: V2_BINARY },
})

const post = (body: unknown) => ({
  method: 'POST' as const,
  headers: { accept: V2, 'content-type': V2 },
  body: JSON.stringify(body),
})

function at({ path, cookie: value }: Pick<Instance, 'path' | 'cookie'>, request: HttpRequest): HttpRequest {
  const headers = value === '' ? request.headers : { ...request.headers, cookie: value }
  return { ...request, base: path, ...(headers ? { headers } : {}) }
}

/**
 * The path of the instance. The proxy's `base_uri` is untrusted, and behind a load balancer often wrong: the
 * adapter never takes scheme and host from it, and its path only where it names this instance below the
 * configured address.
 */
function locate(endpoint: Endpoint, own: string, baseUri: unknown): string {
  const fallback = endpoint.path + own
  const base = `${endpoint.origin}${endpoint.path}/`
  if (typeof baseUri !== 'string' || baseUri.length > MAX_URI || !URL.canParse(baseUri, base)) return fallback
  const { pathname } = new URL(baseUri, base)
  return pathname.startsWith(`${endpoint.path}/`) && pathname.endsWith(own) ? pathname : fallback
}

function cookie(answer: HttpAnswer): string {
  const pairs = answer.headers.getSetCookie().map((line) => line.split(';', 1)[0] ?? '')
  const all = pairs.filter((pair) => pair.includes('=')).join('; ')
  if (all.length > MAX_COOKIE) {
    throw new KedgeError('ERR_PROTOCOL', 'creating a consumer instance: the answer sets too many cookies')
  }
  return all
}
