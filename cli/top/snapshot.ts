/** What a process says of itself at one moment: its metrics, how far it is, and whether it is ready. @module */
import * as z from 'zod'
import { eitherSignal } from '../../src/runtime/abort.ts'
import { whyAway, whyNotThere } from './away.ts'
import { metricsIn } from './metrics-text.ts'
import type { Metrics } from './metrics-text.ts'

export interface PartitionPlace {
  readonly partition: number
  readonly position: number
  readonly end: number
}

export interface Snapshot {
  /** By the monotonic clock, in milliseconds. */
  readonly at: number
  /** Absent while it does not know them: it waits for its log, or does not answer. */
  readonly metrics?: Metrics
  /** Empty where it follows nothing, or does not say it. */
  readonly partitions: readonly PartitionPlace[]
  /** Why it is not ready; `undefined` where it is. */
  readonly problem?: string
  /** Why it could not be asked at all. */
  readonly unanswered?: string
}

/** How a process is asked. */
export interface Asking {
  readonly fetch: typeof fetch
  readonly signal: AbortSignal
  readonly monotonic: () => number
  readonly deadlineMs: number
}

const MAX_METRICS = 8_000_000
const MAX_JSON = 1_000_000
const MAX_PARTITIONS = 1000
const offset = z.number().nonnegative()
const lagShape = z.object({
  partitions: z.array(z.object({ partition: offset, position: offset, end: offset })),
})
const problemShape = z.object({
  problem: z.string().optional(),
  error: z.string().optional(),
  status: z.string().optional(),
})

/** Asks once. Rejects only where the signal is aborted. */
export async function snapshotOf(address: string, asking: Asking): Promise<Snapshot> {
  const at = asking.monotonic()
  const within = eitherSignal(asking.signal, AbortSignal.timeout(asking.deadlineMs))
  const ask = (path: string, most: number) => answerOf(address, path, most, asking.fetch, within.signal)
  try {
    const [metrics, lag, ready] = await Promise.all([
      ask('/metrics', MAX_METRICS),
      ask('/lag', MAX_JSON),
      ask('/readyz', MAX_JSON),
    ])
    const elsewhere = whyNotThere(metrics.status)
    if (elsewhere !== undefined) return { at, partitions: [], unanswered: elsewhere }
    const problem = problemOf(ready) ?? (metrics.status === 200 ? undefined : problemOf(metrics))
    return {
      at,
      partitions: partitionsIn(lag),
      ...(metrics.status === 200 && { metrics: metricsIn(metrics.text) }),
      ...(problem !== undefined && { problem }),
    }
  } catch (error) {
    asking.signal.throwIfAborted()
    return { at, partitions: [], unanswered: whyAway(error, asking.deadlineMs) }
  } finally {
    within.done()
  }
}

interface Answer {
  readonly status: number
  readonly text: string
}

async function answerOf(
  address: string,
  path: string,
  most: number,
  send: typeof fetch,
  signal: AbortSignal,
): Promise<Answer> {
  const response = await send(`${address}${path}`, { redirect: 'error', signal })
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > most) throw new Error(`it answers more than ${most} bytes to ${path}`)
    text += decoder.decode(chunk, { stream: true })
  }
  return { status: response.status, text }
}

function partitionsIn({ status, text }: Answer): readonly PartitionPlace[] {
  const result = status === 200 ? lagShape.safeParse(jsonIn(text)) : undefined
  return result?.data?.partitions.slice(0, MAX_PARTITIONS) ?? []
}

function problemOf({ status, text }: Answer): string | undefined {
  if (status === 200) return undefined
  const { problem, error, status: said } = problemShape.safeParse(jsonIn(text)).data ?? {}
  return problem ?? error ?? said ?? `it answers ${status}`
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
