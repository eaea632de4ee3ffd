/** All that every runtime runs, as one module without imports: the same file in each of them. */
import { systemRuntime } from '../../src/index.ts'
import { Harness } from './harness.ts'
import type { Result } from './harness.ts'
import { overHttp } from './over-http.ts'
import type { Outside } from './over-http.ts'
import { suites } from './suites.ts'

export interface Told {
  readonly userAgent: string
  /** Whether the core takes it for a platform that ties what is begun in a request to it. */
  readonly isolatesRequests: boolean
  readonly results: readonly Result[]
}

export async function everywhere(outside: Outside): Promise<Told> {
  const harness = new Harness()
  suites(harness)
  overHttp(harness, outside)
  return {
    userAgent: navigator.userAgent,
    isolatesRequests: systemRuntime().isolatesRequests,
    results: await harness.run(),
  }
}
