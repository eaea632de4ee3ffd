/**
 * Consumer instances of the v2 API: a consumer that lives in the memory of one proxy.
 *
 * It is assigned, never subscribed (groups would split the log between isolates), never commits, and is sought
 * once, when it is new: `seek()` leaves up to 30 records of the old place in the proxy's queue (kafka-rest
 * KafkaConsumerState), so whoever needs another place needs another instance.
 *
 * @module
 */
import * as z from 'zod'
import { KedgeError } from '../../src/errors.ts'
import type { LogRecord, Position, ReadOptions } from '../../src/log.ts'
import type { Endpoint } from '../endpoint.ts'
import { type HttpAnswer, type HttpRequest, parsed, segment } from '../http.ts'
import { advance } from '../positions.ts'
import { failure, isInstanceGone, isOutOfRange, problemOf } from '../problem.ts'
import { type Call, V2, V2_BINARY } from './context.ts'
import type { Creation, Dialect } from './dialect.ts'
import { readRecords } from './records.ts'

/** The longest set of cookies that is sent back. */
const MAX_COOKIE = 4096

/** How long the polls last that make an assignment take hold, one after the other. */
const WARM_UPS_MS = [100, 500, 1000]

export interface Instance {
  readonly topic: string
  readonly isolation: ReadOptions['isolation']
  /** Where the instance stands: what its last answer, or its seek, left. */
  readonly positions: readonly Position[]
  /** Its path on the configured origin. */
  readonly path: string
  /** Of the load balancer that knows which proxy holds it. `fetch` keeps none. */
  readonly cookie: string
  readonly usedAt: number
}

/** The instance is gone: expired (5 minutes by default), or its proxy restarted. */
export class InstanceGone extends Error {}

/** The proxy does not know `auto.offset.reset: none`. */
export class ResetRefused extends Error {}

const createAnswer = z.object({
  instance_id: z.string().regex(/^[\w.-]{1,255}$/),
  base_uri: z.string().max(2048).optional().catch(undefined),
})

export async function createInstance(
  call: Call,
  group: string,
  dialect: Dialect,
  creation: Creation,
): Promise<Pick<Instance, 'path' | 'cookie'>> {
  const doing = 'creating a consumer instance'
  const path = `/consumers/${segment(group)}`
  const answer = await call.http.send({ ...post(dialect.create(creation)), path }, call.signal)
  if (answer.status === 422 && creation.reset === 'none') throw new ResetRefused()
  if (answer.status > 299) throw failure(answer, doing)
  const { instance_id: id, base_uri: baseUri } = parsed(answer, createAnswer, doing)
  return {
    path: locate(call.http.endpoint, `${path}/instances/${segment(id)}`, baseUri),
    cookie: cookie(answer),
  }
}

/** Gives a new instance its partitions and its place in them. */
export async function placeInstance(
  call: Call,
  made: Pick<Instance, 'path' | 'cookie'>,
  topic: string,
  positions: readonly Position[],
  dialect: Dialect,
): Promise<void> {
  const partitions = positions.map(({ partition }) => ({ topic, partition }))
  await tell(call, made, { ...post({ partitions }), path: '/assignments' })
  const offsets = positions.map((position) => ({ topic, ...position }))
  const seek = { ...post({ offsets }), path: '/positions' }
  if (!dialect.seeksAfterPoll) return tell(call, made, seek)
  for (const [attempt, timeout] of WARM_UPS_MS.entries()) {
    // Whatever it returns is of another place.
    await call.http.send(at(made, records(timeout, 1)), call.signal)
    try {
      return await tell(call, made, seek)
    } catch (error) {
      // A consumer that is still on its way to its partitions says the same as one that has lost them.
      if (!(error instanceof InstanceGone) || attempt === WARM_UPS_MS.length - 1) throw error
    }
  }
}

/** What a poll found: records and the instance's new place. */
export interface Poll {
  readonly records: LogRecord[]
  readonly dropped: number
  readonly instance: Instance
}

/** What a poll did not find, and why: its instance stands nobody knows where. */
export type Missed = 'out of range' | 'too large' | 'gone'

export async function pollInstance(
  call: Call,
  instance: Instance,
  pollMs: number,
  maxBytes: number,
): Promise<Poll | Missed> {
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
  return { records: found, dropped, instance: { ...instance, positions, usedAt: Date.now() } }
}

/** Frees what the instance holds in the proxy. Best effort: an instance nobody uses expires by itself. */
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
  // 40903: the instance has lost its assignment.
  if (isInstanceGone(problem) || problem.code === 40903) throw new InstanceGone()
  throw failure(answer, 'placing a consumer instance')
}

/** Both are sent every time: they stick to later polls of some proxies. Without a body no Content-Type: 415. */
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
 * Where the instance is. `base_uri` is a stranger's word, and behind a load balancer often a wrong one: scheme
 * and host are never taken from it, its path only where it is one of this instance below the configured address.
 */
function locate(endpoint: Endpoint, own: string, baseUri: string | undefined): string {
  const fallback = endpoint.path + own
  const base = `${endpoint.origin}${endpoint.path}/`
  if (baseUri === undefined || !URL.canParse(baseUri, base)) return fallback
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
