/** Processes with `--listen`, which `kedge top` looks at. */
import { onTestFinished } from 'vitest'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { kedge } from './harness.ts'
import type { Surroundings } from './harness.ts'

export interface Process {
  /** Where its clients ask it. */
  readonly url: string
  /** Where it serves its health. */
  readonly health: string
}

/** A process with `--listen`, for as long as the test. */
export async function processOf(args: string[], around: Surroundings = {}): Promise<Process> {
  const stop = new AbortController()
  const found: Record<string, string> = {}
  await new Promise<void>((resolve, reject) => {
    const ran = kedge([...args, '--log-format', 'json', '--listen', '0'], {
      runtime: systemRuntime(),
      ...around,
      stop: stop.signal,
      onOut: (text) => {
        const { event, url } = JSON.parse(text) as { event: string; url: string }
        found[event] = url
        if (found['health'] && found['listening']) resolve()
      },
    })
    onTestFinished(async () => {
      stop.abort()
      await ran
    })
    void ran.then(({ out, err }) => reject(new Error(out + err)))
  })
  return { url: found['listening']!, health: found['health']! }
}
