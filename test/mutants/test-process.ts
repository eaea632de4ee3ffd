/**
 * Tests of a copy, by a process that lives as long as it answers. One that hangs is ended, and the next order starts
 * another.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { groupClock, watch } from '../processor-time.ts'
import { endGroup, startNode } from './child.ts'
import type { Copy } from './copy.ts'
import type { Order, Told } from './tester.ts'

const PROGRAM = join(import.meta.dirname, 'tester.ts')
/** How much of a process's output the report quotes, from the end, when it breaks down. */
const MAX_OUTPUT = 4000

/** What came of an order, or why nothing did. */
export type Answer =
  | Told
  | {
      readonly broken: string
      /** It may be the process, and not what it ran. */
      readonly isDoubtful: boolean
    }

export class TestProcess {
  readonly #copy: Copy
  #child: Promise<ChildProcess> | undefined
  #output = ''

  constructor(copy: Copy) {
    this.#copy = copy
  }

  /**
   * What the tests say, up to the first that fails. A process that breaks down, or waits for ever, after it has served other
   * orders says nothing of this one: a fresh process gets the order once more.
   *
   * @param maxMs processor time for it
   */
  async run(files: readonly string[], maxMs: number): Promise<Answer> {
    const isFresh = this.#child === undefined
    const answer = await this.#ask(files, maxMs)
    const isDoubtful = 'broken' in answer && answer.isDoubtful && !isFresh
    return isDoubtful ? this.#ask(files, maxMs) : answer
  }

  async #ask(files: readonly string[], maxMs: number): Promise<Answer> {
    const order: Order = { changed: this.#copy.takeChanged(), files }
    this.#child ??= this.#start()
    const child = await this.#child
    return new Promise((resolve) => {
      const stop = watch(groupClock(child.pid ?? 0), maxMs, (why) =>
        end({
          broken: why === 'computes' ? `no end within ${maxMs / 1000} s of computing` : 'they wait for ever',
          isDoubtful: why === 'waits',
        }),
      )
      const end = (answer: Answer) => {
        stop()
        child.off('message', take)
        child.off('exit', exited)
        if ('broken' in answer) this.end()
        resolve(answer)
      }
      const take = (told: Told) => end(told)
      const exited = () =>
        end({
          broken: `they broke down: ${this.#output.trim().split('\n').at(-1) ?? ''}`,
          isDoubtful: true,
        })
      child.on('message', take)
      child.on('exit', exited)
      child.send(order, (error) => {
        if (error) exited()
      })
    })
  }

  end(): void {
    const child = this.#child
    this.#child = undefined
    void child?.then(({ pid }) => endGroup(pid)).catch(() => undefined)
  }

  #start(): Promise<ChildProcess> {
    const child = startNode(['--max-old-space-size=2048', PROGRAM], this.#copy.path, [
      'ignore',
      'pipe',
      'pipe',
      'ipc',
    ])
    this.#output = ''
    const take = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-MAX_OUTPUT)
    }
    child.stdout?.on('data', take)
    child.stderr?.on('data', take)
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', () => reject(new Error(`the tester did not start:\n${this.#output}`)))
      child.once('message', () => resolve(child))
    })
  }
}
