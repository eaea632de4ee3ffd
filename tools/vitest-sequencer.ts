/**
 * The order in which files are run: those that take longest first, so that none of them is left alone at the end. On a
 * fresh clone Vitest knows no durations, and the size of a file says little about them.
 *
 * @module
 */
import { BaseSequencer } from 'vitest/node'
import type { TestSpecification } from 'vitest/node'

/** Roughly from the longest; two files that strain servers do not begin together. */
export const LONGEST: readonly string[] = [
  'test/kafka/multi-broker.test.ts',
  'test/worker/lambda/emulator.test.ts',
  'test/stores/faults.test.ts',
  'test/adapters/frameworks/next-app.test.ts',
  'test/package/consumers.test.ts',
  'test/kafka/faults.test.ts',
  'test/runtime/every-runtime.test.ts',
  'test/package/cloudflare-examples.test.ts',
  'test/kafka/multi-broker-frozen.test.ts',
  'test/docs/shell.test.ts',
  'test/adapters/stores/memcached/suites.test.ts',
  'test/worker/lambda/template.test.ts',
  'test/adapters/stores/redis/faults.test.ts',
  'test/kafka/old-broker.test.ts',
  'test/adapters/stores/redis/suites.test.ts',
  'test/kafka/proxies-run.test.ts',
  'test/kafka/tour.test.ts',
  'test/worker/node/sidecar.test.ts',
  'test/tools/bench/peers.test.ts',
  'test/kafka/outage.test.ts',
  'test/adapters/stores/redis/sync.test.ts',
  'test/docs/examples.test.ts',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((one, other) => placeOf(one) - placeOf(other))
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  const place = LONGEST.findIndex((path) => moduleId.endsWith(path))
  return place === -1 ? LONGEST.length : place
}
