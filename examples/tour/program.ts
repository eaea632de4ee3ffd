/**
 * The demo as a program: what it prints, when it stops, and its exit code.
 *
 * @module
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import { showColo } from './colo/show.ts'
import { readOptions, USAGE, type DemoOptions } from './options.ts'
import { runTour } from './runner.ts'
import { headingOf, reportOf, screenOf } from './screen.ts'
import { messageOf, StartError } from './server.ts'
import { openStage, type Parts, type Stage } from './stage.ts'
import { TOUR } from './tour.ts'

/** The longest that stopping may take; then the program ends all the same. */
const STOP_MS = 5000
/** What shells report of a program that was interrupted. */
const INTERRUPTED = 130

function bold(text: string): string {
  return styleText('bold', text)
}

function print(lines: readonly string[]): void {
  console.log(lines.join('\n'))
}

async function check(stage: Stage, signal: AbortSignal): Promise<number> {
  const { places } = stage
  const different = await runTour(places, {
    world: {
      now: () => performance.now(),
      sleep: (ms, abort) => sleep(ms, undefined, { signal: abort }),
      fetch: (url, init) => fetch(url, init),
    },
    signal,
    onChapter: ({ title }, number) => print([bold(headingOf(title, number))]),
    onStep: (report) => print(reportOf(report, places)),
  })
  const steps = TOUR.flatMap((chapter) => chapter.steps).length
  const result =
    different.length === 0 ? 'all as foretold' : `${different.length} DIFFER from what was foretold`
  print([bold(`${steps} steps: ${result}.`)])
  return different.length === 0 ? 0 : 1
}

/** The log alone, and isolates of this process. */
async function colo(
  { firstPort, chosen, brokers }: DemoOptions,
  parts: Parts,
  signal: AbortSignal,
): Promise<number> {
  const log = await parts.openLog({ port: chosen ? firstPort : 0, orAnother: !chosen }, brokers)
  try {
    const { isTTY: isTerminal, columns } = process.stdout
    return await showColo({ url: log.url, signal, print, emphasis: bold, isTerminal, columns })
  } finally {
    await log.close()
  }
}

async function perform(options: DemoOptions, parts: Parts, signal: AbortSignal): Promise<number> {
  const { mode, firstPort, chosen, brokers } = options
  if (mode === 'colo') return await colo(options, parts, signal)
  const stage = await openStage(parts, { firstPort, orAnother: !chosen, ...(brokers && { brokers }) })
  try {
    if (mode === 'check') return await check(stage, signal)
    // Since the process began, as the user who typed the command sees it.
    print(screenOf(stage.places, performance.now(), bold))
    if (!signal.aborted) await once(signal, 'abort')
    return 0
  } catch (error) {
    if (!signal.aborted) throw error
    return INTERRUPTED
  } finally {
    // Not referenced: it holds the process no longer than what is to be stopped.
    const late = setTimeout(() => process.exit(1), STOP_MS).unref()
    await stage.close()
    clearTimeout(late)
  }
}

/**
 * Runs the demo until it is interrupted, or the tour is over.
 * @returns the exit code: 0; 1 when a step differs or nothing could be started; 2 when an option is wrong; 130 when
 * the tour was interrupted.
 */
export async function runDemo(args: readonly string[], parts: Parts): Promise<number> {
  const interruption = new AbortController()
  const interrupt = (): void => interruption.abort()
  // They stay: npm passes on a signal that the terminal has sent to every process already, and the second one
  // must not end this one before it has stopped the others.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  // The reader of a pipe has gone.
  process.stdout.on('error', interrupt)

  let options: DemoOptions
  try {
    options = readOptions(args)
  } catch (error) {
    console.error(messageOf(error))
    return 2
  }
  if (options.mode === 'help') {
    print([USAGE.trimEnd()])
    return 0
  }
  try {
    return await perform(options, parts, interruption.signal)
  } catch (error) {
    console.error(error instanceof StartError ? error.message : error)
    return 1
  }
}
