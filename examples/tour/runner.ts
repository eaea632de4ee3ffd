/**
 * Takes the tour by itself, and reports where an answer differs from the expected one.
 *
 * @module
 */
import type { Addresses } from './curl.ts'
import { messageOf } from './server.ts'
import { HttpVisitor, type Seen } from './visitor.ts'
import { TOUR, type Chapter, type Expectation, type Foretold, type Step } from './tour.ts'

const RETRY_MS = 250
/** Parameters of `Cache-Status` that show what the cache did. */
const DEEDS = /^(?:hit|fwd|detail)\b/

/** What the runner needs of the world. */
export interface World {
  /** Milliseconds, never going back. */
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
  fetch(url: string, init: RequestInit): Promise<Response>
}

export interface StepReport {
  readonly step: Step
  /** The last answer. `undefined` when there was none. */
  readonly seen: Seen | undefined
  /** How the answer differs from the expected one. `undefined` when it does not. */
  readonly difference: string | undefined
  readonly tookMs: number
}

/** The first place where `actual` is not as expected, as a sentence. */
function bodyDifference(foretold: Foretold, actual: unknown, at = 'body'): string | undefined {
  const wanted = JSON.stringify(foretold)
  const difference = `${at} is ${JSON.stringify(actual) ?? 'missing'}, not ${wanted}`
  if (typeof foretold !== 'object' || foretold === null || Array.isArray(foretold)) {
    return JSON.stringify(actual) === wanted ? undefined : difference
  }
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return difference
  const members = new Map<string, unknown>(Object.entries(actual))
  for (const [name, value] of Object.entries<Foretold>(foretold)) {
    const ofMember = bodyDifference(value, members.get(name), `${at}.${name}`)
    if (ofMember !== undefined) return ofMember
  }
  return undefined
}

function cacheStatusDifference(foretold: readonly string[], header: string | null): string | undefined {
  const [, ...parameters] = (header ?? '').split(';').map((part) => part.trim())
  const missing = foretold.filter((parameter) => !parameters.includes(parameter))
  const others = parameters.filter((parameter) => DEEDS.test(parameter) && !foretold.includes(parameter))
  if (missing.length === 0 && others.length === 0) return undefined
  return `cache-status is ${header === null ? 'missing' : `“${header}”`}, not “${foretold.join('; ')}”`
}

/** How an answer differs from the expected one. `undefined` when it does not. */
export function differenceOf(expect: Expectation, seen: Seen): string | undefined {
  if (seen.status !== expect.status) return `status is ${seen.status}, not ${expect.status}`
  const ofBody = expect.body === undefined ? undefined : bodyDifference(expect.body, seen.body)
  return ofBody ?? (expect.cacheStatus && cacheStatusDifference(expect.cacheStatus, seen.cacheStatus))
}

async function tryStep(step: Step, visitor: HttpVisitor): Promise<Pick<StepReport, 'seen' | 'difference'>> {
  try {
    const answers = await visitor.take(step)
    const [first] = answers
    for (const seen of answers) {
      const difference = differenceOf(step.expect, seen)
      if (difference !== undefined) return { seen, difference }
    }
    return { seen: first, difference: undefined }
  } catch (error) {
    visitor.signal.throwIfAborted()
    return { seen: undefined, difference: messageOf(error) }
  }
}

/**
 * Takes one step. Repeats a step that has time (`within`) until its answer is as expected; the last try
 * begins when that time is over, not before.
 */
async function takeStep(step: Step, visitor: HttpVisitor, world: World): Promise<StepReport> {
  const start = world.now()
  for (;;) {
    const elapsed = world.now() - start
    const left = (step.within ?? 0) * 1000 - elapsed
    const result = await tryStep(step, visitor)
    if (result.difference === undefined || left <= 0) {
      return { step, ...result, tookMs: world.now() - start }
    }
    await world.sleep(Math.min(RETRY_MS, left), visitor.signal)
  }
}

export interface TourOptions {
  readonly world: World
  readonly signal: AbortSignal
  /** @default TOUR */
  readonly tour?: readonly Chapter[]
  onChapter?(chapter: Chapter, number: number): void
  onStep?(report: StepReport): void
}

/**
 * Takes all steps, also after one that differs.
 * @returns the reports of the steps that differ: none, when all are as expected.
 * @throws the signal's reason when it is aborted.
 */
export async function runTour(places: Addresses, options: TourOptions): Promise<readonly StepReport[]> {
  const { world, signal, tour = TOUR } = options
  const visitor = new HttpVisitor(places, (url, init) => world.fetch(url, init), signal)
  const different: StepReport[] = []
  for (const [index, chapter] of tour.entries()) {
    options.onChapter?.(chapter, index + 1)
    for (const step of chapter.steps) {
      signal.throwIfAborted()
      const report = await takeStep(step, visitor, world)
      if (report.difference !== undefined) different.push(report)
      options.onStep?.(report)
    }
  }
  return different
}
