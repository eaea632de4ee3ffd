/**
 * Many seeds, in as many processes as there are cores. One that ends or hangs is replaced, and its seed is reported.
 *
 * @module
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { processClock, watch } from '../processor-time.ts'
import { add, noCounts } from './schedule.ts'
import type { Counts } from './schedule.ts'
import type { Job, Report } from './sweep-process.ts'
import type { Violation } from './trace.ts'

export interface SweepOptions {
  /** Ranges of seeds, one after the other. */
  readonly ranges: readonly Job[]
  readonly processes?: number
  /** After this much time no more schedules begin. */
  readonly maxMs: number
  /** Called now and then. */
  readonly onProgress?: (counts: Counts, failures: readonly Failure[]) => void
}

export interface Failure {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** The process did not survive it, or did not end it. */
  readonly crash?: string
}

export interface Sweep {
  readonly counts: Counts
  readonly failures: readonly Failure[]
  /** Time was over before all seeds were run. */
  readonly isCut: boolean
  readonly tookMs: number
}

/** Schedules that a process is given at once. */
const CHUNK = 50
/**
 * Chunks until a process is replaced: isolates that were killed leave promises that never settle, with their memory:
 * half a megabyte a schedule. And a new process takes four seconds to become fast.
 */
const CHUNKS_A_LIFE = 70
/** Processor time that one schedule may take. */
const HANG_MS = 60_000
/** More failures than this teach nothing more. */
const MAX_FAILURES = 50

export async function sweep({
  ranges,
  processes = availableParallelism(),
  maxMs,
  onProgress,
}: SweepOptions): Promise<Sweep> {
  const startedAt = performance.now()
  const counts = noCounts()
  const failures: Failure[] = []
  const jobs = jobsOf(ranges)
  const isOver = () => performance.now() - startedAt > maxMs || failures.length >= MAX_FAILURES
  let isCut = false
  const lane = async (): Promise<void> => {
    let child: ChildProcess | undefined
    let chunks = 0
    for (let job = jobs.next(); !job.done; job = jobs.next()) {
      if (isOver()) {
        isCut = true
        break
      }
      if (chunks++ % CHUNKS_A_LIFE === 0 && child?.connected) child.disconnect()
      child = child?.connected ? child : start()
      await perform(child, job.value, counts, failures)
      onProgress?.(counts, failures)
    }
    if (child?.connected) child.disconnect()
  }
  await Promise.all(Array.from({ length: processes }, lane))
  return {
    counts,
    failures: failures.sort((one, other) => one.seed - other.seed),
    isCut,
    tookMs: performance.now() - startedAt,
  }
}

function* jobsOf(ranges: readonly Job[]): Generator<Job, undefined> {
  for (const { first, count } of ranges)
    for (let from = 0; from < count; from += CHUNK)
      yield { first: first + from, count: Math.min(CHUNK, count - from) }
}

/** Most of what a run makes is gone when it ends: with room for it, little is collected on the way. */
const ROOM = '--max-semi-space-size=128'

const start = (): ChildProcess =>
  fork(fileURLToPath(new URL('sweep-process.ts', import.meta.url)), { execArgv: [...process.execArgv, ROOM] })

/** One job; after a crash of its process the rest of the job is dropped. */
async function perform(child: ChildProcess, job: Job, counts: Counts, failures: Failure[]): Promise<void> {
  let seed = job.first
  await new Promise<void>((resolve) => {
    const kill = () => {
      end(`no end of it within ${HANG_MS / 1000} s of computing`)
      child.kill('SIGKILL')
    }
    const watched = () => watch(processClock(child.pid ?? 0), HANG_MS, kill)
    let unwatch = watched()
    const end = (crash?: string) => {
      unwatch()
      child.off('message', take)
      child.off('exit', exited)
      if (crash !== undefined) failures.push({ seed, violations: [], crash })
      resolve()
    }
    const exited = (code: number | null, signal: string | null) =>
      end(`the process ended with ${signal ?? `code ${code}`}`)
    const take = (report: Report) => {
      if ('seed' in report) {
        seed = report.seed
        unwatch()
        unwatch = watched()
      } else if ('failed' in report) {
        failures.push({ seed: report.failed, violations: report.violations })
      } else {
        add(counts, report.done)
        end()
      }
    }
    child.on('message', take)
    child.on('exit', exited)
    child.send(job)
  })
}
