/**
 * The sources as they are, which must pass whatever a mutant is held against: a gate that lets nothing pass proves
 * nothing.
 *
 * @module
 */
import { Copy } from './copy.ts'
import { simulator, unitTests } from './gates.ts'
import type { SimulatorOptions, Verdict } from './gates.ts'
import { TestProcess } from './test-process.ts'

export class Pristine {
  readonly copy: Copy = new Copy()
  readonly #process = new TestProcess(this.copy)
  /** Seeds of schedules that they do not pass. */
  readonly bad: Set<number> = new Set()
  readonly #seeds = new Map<number, Promise<boolean>>()
  readonly #tests = new Map<string, Promise<Verdict>>()

  /** Tests of them, each list run once. */
  tests(files: readonly string[], maxMs: number): Promise<Verdict> {
    const name = files.join()
    const verdict = this.#tests.get(name) ?? unitTests(this.#process, files, maxMs)
    this.#tests.set(name, verdict)
    return verdict
  }

  /** What the simulator says of a mutant, by schedules that these sources pass. */
  async simulated(copy: Copy, options: SimulatorOptions): Promise<Verdict> {
    let { first = 1, passed = 0 } = options
    for (;;) {
      const verdict = await simulator(copy, { ...options, first, passed, leftOut: [...this.bad] })
      if (verdict.shown === undefined || (await this.#passes(verdict.shown.seed))) return verdict
      first = verdict.shown.seed + 1
      passed = verdict.shown.passed
    }
  }

  /** Ends the process that runs tests of them, which would keep this one alive. */
  end(): void {
    this.#process.end()
  }

  async #passes(seed: number): Promise<boolean> {
    const passes =
      this.#seeds.get(seed) ??
      simulator(this.copy, { schedules: 1, first: seed }).then(({ killed }) => !killed)
    this.#seeds.set(seed, passes)
    if (!(await passes)) this.bad.add(seed)
    return passes
  }
}
