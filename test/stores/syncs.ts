/** The syncs of one store, as processes: one, and sometimes another beside it. @module */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { guardedChild, killed } from '../kafka/fault-child.ts'
import { type Blow, standsStill } from './store.ts'

const PROGRAM = fileURLToPath(new URL('sync-process.ts', import.meta.url))

export class Syncs {
  /** Dead letters that they said they had to give up. */
  lost = 0
  /** How often they began again, by why. */
  readonly began = new Map<string, number>()
  readonly #args: readonly string[]
  #child: ChildProcess | undefined

  /** @param args of the process */
  constructor(args: readonly string[]) {
    this.#args = args
  }

  async start(): Promise<void> {
    this.#child = await this.#spawn()
  }

  /** SIGKILL. */
  stop(): Promise<void> {
    return killed(this.#child)
  }

  readonly faults = {
    'sync killed': async ({ random }: Blow): Promise<undefined> => {
      await this.stop()
      await sleep(random() * 500)
      await this.start()
    },
    'sync frozen': async (blow: Blow): Promise<undefined> => {
      await standsStill(blow, this.#stoppable)
    },
    'two syncs': async ({ random }: Blow): Promise<undefined> => {
      const second = await this.#spawn()
      await sleep(500 + random() * 1500)
      const [first, survives] = [this.#child, random() < 0.5]
      if (survives) this.#child = second
      await killed(survives ? first : second)
    },
    'another takes over, and the frozen one returns': async (blow: Blow): Promise<undefined> => {
      let second: ChildProcess | undefined
      await standsStill(blow, this.#stoppable, async () => {
        second = await this.#spawn()
      })
      await sleep(500)
      await killed(second)
    },
  }

  readonly #stoppable = {
    pause: () => this.#child?.kill('SIGSTOP'),
    resume: () => void this.#child?.kill('SIGCONT'),
  }

  async #spawn(): Promise<ChildProcess> {
    const child = guardedChild(process.execPath, ['--no-warnings', PROGRAM, ...this.#args])
    const said = createInterface({ input: child.stdout! })
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the sync did not start')))
    ended.catch(() => undefined)
    const begun = new Promise<void>((resolve) => {
      said.on('line', (line) => {
        const { lost, began } = JSON.parse(line) as { lost?: number; began?: string }
        if (lost !== undefined) this.lost += lost
        if (began !== undefined) this.began.set(began, (this.began.get(began) ?? 0) + 1)
        resolve()
      })
    })
    await Promise.race([begun, ended])
    return child
  }
}
