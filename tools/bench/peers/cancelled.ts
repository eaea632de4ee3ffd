/**
 * The races in workerd: a request leads a load, and its client hangs up.
 *
 * @module
 */
import { startGateway } from '../../../services/gateway/index.ts'
import { Client } from '../../../test/worker/miniflare-client.ts'
import { startSource } from '../../../test/worker/miniflare-source.ts'
import type { Source } from '../../../test/worker/miniflare-source.ts'
import { until } from '../../../test/worker/miniflare-until.ts'
import { startIsolate } from './isolate.ts'
import type { Isolate } from './isolate.ts'
import { verdict } from './outcome.ts'
import type { Result } from './outcome.ts'
import type { Subject } from './subject.ts'
import { WORKERS } from './workers.ts'

/** How long a request may wait for its answer. A take-over needs well below a second. */
const BOUND_MS = 5000
/** How long workerd may need to break off what a request had begun. */
const BREAK_MS = 1000
const GOOD = '200 row'

export interface Cancelled {
  /** What two requests for one key were given, while both stayed. */
  readonly joined: Result
  /** What a request was given that had joined a load whose leader was cancelled, the load being kept alive. */
  readonly kept: Result
  /** What a request was given that had joined a load before its leader was cancelled. */
  readonly follower: Result
  /** What a request was given that came later. */
  readonly later: Result
}

export interface CancelledOptions {
  /** How long after the follower the later request comes. */
  readonly laterMs: number
}

export async function cancelled(subject: Subject, options: CancelledOptions): Promise<Cancelled> {
  const source = await startSource({ row: 'row', control: 'row', joined: 'row', kept: 'row' })
  const gateway = await startGateway({ memory: { topics: { 'cache-evictions': 1 } } })
  try {
    const isolate = await started(subject, {
      ORIGIN_URL: source.url,
      KAFKA_REST_URL: gateway.url,
    })
    if ('outcome' in isolate) return { joined: isolate, kept: isolate, follower: isolate, later: isolate }
    try {
      return await raced(isolate, source, options)
    } finally {
      await isolate.close()
    }
  } finally {
    await source.close()
    await gateway.close()
  }
}

/** The isolate, when its worker answers. */
async function started(
  { name, workerd: { node } }: Subject,
  bindings: Readonly<Record<string, string>>,
): Promise<Isolate | Result> {
  let isolate: Isolate | undefined
  try {
    const worker = WORKERS[name]
    if (!worker) throw new Error(`${name} has no worker`)
    isolate = await startIsolate({ worker, node, bindings })
    await arrived(new Client(isolate.url))
    return isolate
  } catch (error) {
    await isolate?.close()
    return { outcome: 'does not run', seen: error instanceof Error ? error.message : String(error) }
  }
}

async function arrived(client: Client): Promise<number> {
  const { status, value, body } = await client.ask('/arrived')
  if (status !== 200) throw new Error(`the worker answers with ${status}: ${String(body)}`)
  return Number(value)
}

async function raced(isolate: Isolate, source: Source, { laterMs }: CancelledOptions): Promise<Cancelled> {
  await holds(new Client(isolate.url), source)
  const joined = await together(isolate, source)
  const kept = await follower(isolate, source, 'kept?kept')
  const left = await follower(isolate, source, 'row')
  await new Promise<void>((resolve) => setTimeout(resolve, laterMs))
  const later = await answer(isolate, 'row')
  // It is the key that is lost, not the isolate.
  if ((await answer(isolate, 'control')) !== GOOD)
    throw new Error('a value that is held is not served any more')
  const result = verdict(later === GOOD, `a request ${laterMs} ms after that: ${later}`)
  return { joined, kept, follower: left, later: result }
}

/** What the follower of a load is given whose leader hangs up. */
async function follower(isolate: Isolate, source: Source, key: string): Promise<Result> {
  const leading = (): (() => void) => new Client(isolate.url).leave(`/rows/${key}`)
  const { lead, gate, following } = await followed(isolate, source, key, leading)
  lead()
  // Where the load is kept alive, it goes on; where it is not, the origin sees its connection closed.
  await until(() => gate.broken === 1, 'the load is broken off', BREAK_MS).catch(() => undefined)
  gate.open()
  const broken = gate.broken === 1 ? 'the load was broken off' : 'the load went on'
  const given = await following
  return verdict(given === GOOD, `${broken}; the follower: ${given}`)
}

/** What is loaded in workerd is held there. */
async function holds(client: Client, source: Source): Promise<void> {
  for (let read = 0; read < 2; read++) {
    const { status, value, body } = await client.ask('/rows/control')
    if (status !== 200 || value !== 'row')
      throw new Error(`the worker answers with ${status}: ${String(body)}`)
  }
  if (source.reads('control') !== 1) throw new Error('a value that was loaded is not held')
}

/** The same without a client that hangs up. */
async function together(isolate: Isolate, source: Source): Promise<Result> {
  const leading = (): Promise<string> => answer(isolate, 'joined')
  const { lead, gate, following } = await followed(isolate, source, 'joined', () => ({ answer: leading() }))
  gate.open()
  const answers = [await lead.answer, await following]
  const seen = `no client hangs up; the leader: ${answers[0]}; the follower: ${answers[1]}`
  return verdict(
    answers.every((each) => each === GOOD),
    `${seen}; loads: ${source.reads('joined')}`,
  )
}

interface Followed<Lead> {
  readonly lead: Lead
  /** Holds the leader's load. */
  readonly gate: ReturnType<Source['hold']>
  /** What the follower is answered. */
  readonly following: Promise<string>
}

/** A request that leads a load, of a key with what follows it in the path, which the origin does not answer yet, and one that follows it. */
async function followed<Lead>(
  isolate: Isolate,
  source: Source,
  key: string,
  leading: () => Lead,
): Promise<Followed<Lead>> {
  const client = new Client(isolate.url)
  const before = await arrived(client)
  const gate = source.hold(key.split('?')[0] ?? key, 1)
  const lead = leading()
  await gate.caughtAtLeast(1)
  const following = answer(isolate, key)
  await until(async () => (await arrived(client)) === before + 2, 'the follower has come')
  return { lead, gate, following }
}

async function answer(isolate: Isolate, key: string): Promise<string> {
  try {
    const { status, value } = await new Client(isolate.url).ask(`/rows/${key}`, { withinMs: BOUND_MS })
    if (typeof value === 'string') return `${status} ${value}`
    return isolate.hung() ? `${status}, from workerd itself: the request hung` : String(status)
  } catch {
    return `no answer within ${BOUND_MS} ms`
  }
}
