/** A worker that runs the shared suites when it is asked, and answers with what came of them. */
import { systemRuntime } from '../../src/index.ts'
import { Harness } from './harness.ts'
import type { Result } from './harness.ts'
import { suites } from './suites.ts'

export interface Report {
  readonly platform: {
    readonly userAgent: string
    readonly isolatesRequests: boolean
    /** Globals that only Node has. */
    readonly nodeGlobals: readonly string[]
  }
  readonly results: readonly Result[]
}

const worker = {
  async fetch(): Promise<Response> {
    const harness = new Harness()
    suites({ describe: harness.describe, it: harness.it, expect: harness.expect })
    const platform = {
      userAgent: navigator.userAgent,
      isolatesRequests: systemRuntime().isolatesRequests,
      nodeGlobals: ['process', 'Buffer', 'global', 'require', 'setImmediate'].filter(
        (name) => name in globalThis,
      ),
    }
    return Response.json({ platform, results: await harness.run() } satisfies Report)
  },
}

export default worker
