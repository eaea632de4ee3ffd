/**
 * `npm start -- --colo`: what one tail spares the log, counted as it happens.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Emphasis } from '../screen.ts'
import { Fleet } from './fleet.ts'
import { Rows } from './rows.ts'
import { endOf, INTRODUCTION, isKept, lineOf, screenOf, type Fleets, type Scene } from './screen.ts'

export interface ShowOptions {
  /** Of the gateway before the log. */
  readonly url: string
  readonly signal: AbortSignal
  readonly print: (lines: readonly string[]) => void
  readonly emphasis: Emphasis
  /** Whether lines can be drawn over. */
  readonly isTerminal: boolean
  /** Of the terminal. @default 100 */
  readonly columns?: number
  /** How long each scene is. @default 10_000 */
  readonly sceneMs?: number
}

const [FEW, MANY] = [4, 40]
const SCENE_MS = 10_000
/** The first seconds of a scene are those in which isolates are born. */
const SETTLE = 0.3
const DRAW_MS = 250
const LINE_MS = 1000

/**
 * Runs until the last scene is over or the signal aborts.
 * @returns the exit code: 1 where a value was served for longer than promised
 */
export async function showColo(options: ShowOptions): Promise<number> {
  const { url, print, emphasis, sceneMs = SCENE_MS } = options
  const ended = new AbortController()
  const signal = AbortSignal.any([options.signal, ended.signal])
  const rows = new Rows()
  const fleetOf = (shares: boolean) => new Fleet({ url, shares, rows, signal })
  const fleets = { direct: fleetOf(false), shared: fleetOf(true) }
  const writing = rows.write(url, signal)
  print([`${emphasis('kedge')}: ${INTRODUCTION[0]}`, ...INTRODUCTION.slice(1), ''])
  const screen = new Screen(options, fleets, rows)
  const scenes: Scene[] = []
  try {
    for (const [nth, isolates] of [FEW, MANY].entries()) {
      for (const fleet of Object.values(fleets)) fleet.grow(isolates)
      const scene = `${nth + 1} of 3: ${isolates} isolates on each side. Ctrl-C ends it.`
      await screen.show(scene, sceneMs * SETTLE, signal)
      const [from, direct, shared] = [performance.now(), fleets.direct.log.total, fleets.shared.log.total]
      await screen.show(scene, sceneMs * (1 - SETTLE), signal)
      const passed = (performance.now() - from) / 1000
      scenes.push({
        isolates,
        direct: (fleets.direct.log.total - direct) / passed,
        shared: (fleets.shared.log.total - shared) / passed,
      })
    }
    for (const fleet of Object.values(fleets)) fleet.pause()
    await screen.show('3 of 3: no requests. Two seconds later the tail sleeps as well.', sceneMs / 2, signal)
  } finally {
    ended.abort()
    await Promise.all([writing, fleets.direct.close(), fleets.shared.close()])
  }
  if (options.signal.aborted) return 0
  print(['', ...endOf(fleets, scenes, rows)])
  return isKept(fleets) ? 0 : 1
}

/** Draws one screen over the other; where that cannot be, prints a line a second. */
class Screen {
  readonly #options: ShowOptions
  readonly #fleets: Fleets
  readonly #rows: Rows
  readonly #from = performance.now()
  #drawn = 0
  #said = 0
  #scene = ''

  constructor(options: ShowOptions, fleets: Fleets, rows: Rows) {
    this.#options = options
    this.#fleets = fleets
    this.#rows = rows
  }

  async show(scene: string, ms: number, signal: AbortSignal): Promise<void> {
    const { isTerminal, print } = this.#options
    if (!isTerminal && scene !== this.#scene) print([scene])
    this.#scene = scene
    const until = performance.now() + ms
    while (performance.now() < until && !signal.aborted) {
      const step = Math.min(until - performance.now(), isTerminal ? DRAW_MS : LINE_MS)
      await sleep(step, undefined, { signal }).catch(() => undefined)
      if (isTerminal) this.#draw(scene)
      else this.#say()
    }
  }

  #say(): void {
    const second = Math.floor((performance.now() - this.#from) / LINE_MS)
    if (second > this.#said) this.#options.print([lineOf(this.#fleets, second)])
    this.#said = second
  }

  #draw(scene: string): void {
    const { print, emphasis, columns = 100 } = this.#options
    const lines = screenOf(this.#fleets, this.#rows, scene, { emphasis, columns })
    // Up to the first line of the screen before, and each line is cleared behind what it shows.
    const up = this.#drawn > 0 ? `\u001B[${this.#drawn}A` : ''
    print([up + lines.map((line) => `${line}\u001B[K`).join('\n')])
    this.#drawn = lines.length
  }
}
